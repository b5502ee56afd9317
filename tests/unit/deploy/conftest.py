"""Fixtures of the tests of deploying."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.deploy.projects import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a handler and nothing else, whose only index is its directory of wheels."""
    project = Project(tmp_path)
    settings = tmp_path / "uv.toml"
    settings.write_text(f'no-index = true\nfind-links = ["{project.wheels}"]\n')
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    return project
