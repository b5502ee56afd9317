"""Materializations that functions report."""

from __future__ import annotations

from typing import Any

import pytest

from temporal_lambda.dagster.launching import materializations


@pytest.mark.parametrize("result", [None, "text", {"materializations": 3}, {"results": [1]}])
def test_results_of_functions_that_know_nothing_of_dagster_materialize_nothing(result: Any) -> None:
    assert materializations.find(result) == []


def test_broken_materializations_are_reported() -> None:
    for entry in ("text", {"asset_key": 3}, {"asset_key": "a", "metadata": [1]}):
        (found,) = materializations.find({"results": {"op": {"materializations": [entry]}}})
        assert found.materialization is None
        assert found.step_key == "op"
        assert found.problem
