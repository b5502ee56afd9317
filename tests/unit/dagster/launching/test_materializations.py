"""Materializations that functions report."""

from __future__ import annotations

from typing import Any

import pytest

from temporal_lambda.dagster.launching import materializations


@pytest.mark.parametrize("result", [None, "text", {"materializations": 3}, {"results": [1]}])
def test_results_of_functions_that_know_nothing_of_dagster_materialize_nothing(result: Any) -> None:
    assert list(materializations.find(result)) == []


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "entry",
    [
        "text",
        {},
        {"asset_key": 3},
        {"asset_key": []},
        {"asset_key": ""},
        {"asset_key": LONG},
        {"asset_key": ["a", "caf\udce9"]},
        {"asset_key": [{}]},
    ],
)
def test_broken_materializations_are_reported_in_a_few_words(entry: Any) -> None:
    (found,) = materializations.find({"results": {"op": {"materializations": [entry]}}})
    assert found.materialization is None
    assert found.step_key == "op"
    assert 0 < len(found.problem) <= 600


def test_metadata_that_dagster_could_not_read_back_is_text() -> None:
    metadata = {"rows": [{"__class__": "Customer"}], "count": 3, "name": "caf\udce9"}
    (found,) = materializations.find(
        {"materializations": [{"asset_key": "a", "metadata": metadata}]}
    )
    assert found.materialization
    values = {name: value.value for name, value in found.materialization.metadata.items()}
    assert values == {"rows": '[{"__class__": "Customer"}]', "count": 3, "name": "caf?"}


def test_partition_is_that_of_the_run_unless_the_entry_names_one() -> None:
    entries = [{"asset_key": "a"}, {"asset_key": "a", "partition": "tuesday"}]
    found = materializations.find({"materializations": entries}, "monday")
    partitions = [one.materialization and one.materialization.partition for one in found]
    assert partitions == ["monday", "tuesday"]


def test_very_many_materializations_are_found_one_by_one() -> None:
    entries = [{"asset_key": "a"}] * 200_000
    first = next(materializations.find({"materializations": entries}))
    assert first.materialization
