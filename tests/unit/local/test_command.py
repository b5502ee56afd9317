"""What ``temporal-lambda dev`` makes of its options."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from temporal_lambda.local.command import dev
from temporal_lambda.local.function_options import idle_timeout_unless_set


def test_idle_timeout_is_left_to_us_unless_something_sets_it(tmp_path: Path) -> None:
    assert idle_timeout_unless_set(tmp_path, {}) == "auto"
    assert idle_timeout_unless_set(tmp_path, {"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "2s"}) is None
    (tmp_path / "temporal.toml").write_text("[lambda_worker]\n")
    assert idle_timeout_unless_set(tmp_path, {}) == "auto"
    (tmp_path / "temporal.toml").write_text('[lambda_worker]\nidle_timeout = "2s"\n')
    assert idle_timeout_unless_set(tmp_path, {}) is None


def test_broken_settings_are_left_to_the_function_to_tell(tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text("[lambda_worker")
    assert idle_timeout_unless_set(tmp_path, {}) is None


@pytest.mark.parametrize("word", ["soon", "0", "-1s"])
def test_idle_timeout_that_is_none_is_refused(word: str) -> None:
    result = CliRunner().invoke(dev, ["handler.py:handler", "--idle-timeout", word])
    assert result.exit_code == 2
    assert "expected auto, or a duration above 0" in result.output
