"""References to environment variables in configs."""

from __future__ import annotations

import pytest

from temporal_lambda.dagster.serving.env_references import (
    check_references,
    references,
    resolve_references,
)
from temporal_lambda.errors import PayloadError


def test_references_to_variables_are_found_and_resolved_at_any_depth() -> None:
    config = {"a": [{"b": {"env": "KEY"}}], "c": {"env": "x", "d": 1}, "e": {"env": 1}}
    assert list(references(config)) == ["KEY"]
    assert resolve_references(config, ["KEY"], {"KEY": "k"}) == {**config, "a": [{"b": "k"}]}


def test_reference_that_is_not_allowed_is_refused_by_name() -> None:
    check_references({"key": {"env": "KEY"}}, ["KEY"], "load")
    with pytest.raises(PayloadError, match="op 'load' refers to the environment variable 'HOME'"):
        check_references({"key": {"env": "HOME"}}, ["KEY"], "load")
