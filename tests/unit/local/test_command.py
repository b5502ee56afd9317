"""What ``temporal-lambda dev`` makes of its options."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from temporal_lambda.local.command import dev
from temporal_lambda.local.function_options import idle_timeout_unless_set
from tests.support.configurations import PRODUCTION


def test_idle_timeout_is_left_to_us_unless_something_sets_it(tmp_path: Path) -> None:
    assert idle_timeout_unless_set(tmp_path, {}) == "auto"
    assert idle_timeout_unless_set(tmp_path, {"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "2s"}) is None
    (tmp_path / "temporal.toml").write_text("[lambda_worker]\n")
    assert idle_timeout_unless_set(tmp_path, {}) == "auto"
    (tmp_path / "temporal.toml").write_text('[lambda_worker]\nidle_timeout = "2s"\n')
    assert idle_timeout_unless_set(tmp_path, {}) is None


def test_idle_timeout_is_ours_though_production_needs_what_is_not_here(tmp_path: Path) -> None:
    production = tmp_path / "temporal.toml"
    production.write_text(PRODUCTION)
    assert idle_timeout_unless_set(tmp_path, {}) == "auto"
    production.write_text(f'{PRODUCTION}idle_timeout = "2s"\n')
    assert idle_timeout_unless_set(tmp_path, {}) is None


def test_broken_settings_are_left_to_the_function_to_tell(tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text("[lambda_worker")
    assert idle_timeout_unless_set(tmp_path, {}) is None


@pytest.mark.parametrize("word", ["soon", "0", "-1s"])
def test_idle_timeout_that_is_none_is_refused(word: str) -> None:
    result = CliRunner().invoke(dev, ["handler.py:handler", "--idle-timeout", word])
    assert result.exit_code == 2
    assert "expected auto, or a duration above 0" in result.output


def test_debugger_that_is_not_installed_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").touch()
    monkeypatch.setitem(sys.modules, "debugpy", None)
    result = CliRunner().invoke(dev, [f"{tmp_path / 'app.py'}:handler", "--debug"])
    assert result.exit_code == 1
    assert "--debug needs debugpy: pip install debugpy" in result.output


def test_debugger_can_not_attach_to_several_processes(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    arguments = [f"{tmp_path / 'app.py'}:handler", "--debug", "--max-concurrency", "2"]
    result = CliRunner().invoke(dev, arguments)
    assert result.exit_code == 1
    assert "--debug can't be used with --max-concurrency" in result.output
