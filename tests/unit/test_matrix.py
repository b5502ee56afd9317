"""Other environments that the tests run in: which are found, and what is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import matrix

OTHERS = [version for version in matrix.SUPPORTED if version != sys.version_info[:2]]


def interpreter(folder: Path, version: tuple[int, int], code: int = 0) -> Path:
    """A program that takes the place of one, and says whether it is of the version it should be."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"python{version[0]}.{version[1]}"
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_pyenvs_newest_interpreters_come_first_and_each_version_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = OTHERS[:2]
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    interpreter(tmp_path / "versions" / "3.9.9" / "bin", first)
    newest = interpreter(tmp_path / "versions" / "3.13.10" / "bin", first)
    interpreter(tmp_path / "path", first)
    other = interpreter(tmp_path / "path", second)
    assert matrix.other_pythons(matrix.places()) == {first: newest, second: other}


def test_interpreter_that_does_not_work_is_passed_over(tmp_path: Path) -> None:
    broken = interpreter(tmp_path / "a", OTHERS[0], code=127)
    works = interpreter(tmp_path / "b", OTHERS[0])
    assert matrix.other_pythons([broken.parent, works.parent]) == {OTHERS[0]: works}
    assert matrix.other_pythons([tmp_path / "nowhere"]) == {}


def test_lowest_is_the_floor_of_every_dependency_of_users() -> None:
    pyproject = """
dependencies = [
    "temporalio>=1.35,<2",
    "tomli>=2.0.1; python_version < '3.11'",
]
[project.optional-dependencies]
aws = ["temporalio[aioboto3]>=1.35"]
[dependency-groups]
dev = ["pytest>=8.4"]
"""
    assert matrix.lowest(pyproject) == "temporalio==1.35\ntomli==2.0.1\n"
