"""A materialization names the versions of its inputs as the instance has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
)

from temporal_lambda.dagster.dagster_internals import StepMaterializationData
from temporal_lambda.dagster.launching.data_versions import with_data_versions

INPUT, POINTER = "dagster/input_data_version/shop/orders", "dagster/input_event_pointer/shop/orders"
UNKNOWN = {INPUT: "INITIAL", POINTER: "NULL"}
OWN = {"dagster/code_version": "1", "dagster/data_version": "of the function"}


def entry(tags: dict[str, str]) -> EventLogEntry:
    made = AssetMaterialization("sales", tags=tags)
    kind = DagsterEventType.ASSET_MATERIALIZATION.value
    event = DagsterEvent(kind, "etl", event_specific_data=StepMaterializationData(made))
    return EventLogEntry(None, 10, "", "9d6c", 1.0, "sales", "etl", event)  # type: ignore[no-untyped-call] # Dagster's.


def tags_of(entry: EventLogEntry) -> Any:
    assert entry.dagster_event
    return entry.dagster_event.step_materialization_data.materialization.tags


@pytest.fixture(scope="module")
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        key = AssetKey(["shop", "orders"])
        made = AssetMaterialization(key, tags={"dagster/data_version": "7"})
        instance.report_runless_asset_event(made)
        instance.report_runless_asset_event(AssetMaterialization("parts", partition="a"))
        yield instance


def test_versions_of_inputs_are_filled_in_and_the_own_follows(instance: DagsterInstance) -> None:
    tags = tags_of(with_data_versions(instance, entry({**UNKNOWN, **OWN})))
    assert tags[INPUT] == "7"
    assert tags[POINTER].isdecimal()
    assert tags["dagster/data_version"] not in ("of the function", "7")


def test_version_that_the_op_has_given_stays(instance: DagsterInstance) -> None:
    given = {**UNKNOWN, **OWN, "dagster/data_version_is_user_provided": "true"}
    tags = tags_of(with_data_versions(instance, entry(given)))
    assert (tags[INPUT], tags["dagster/data_version"]) == ("7", "of the function")


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"team": "shop"},
        {"dagster/input_data_version/never/made": "INITIAL"},
        {"dagster/input_data_version/parts": "INITIAL"},
    ],
)
def test_what_is_not_known_stays(instance: DagsterInstance, tags: dict[str, str]) -> None:
    given = entry(tags)
    assert tags_of(with_data_versions(instance, given)) == tags


def test_event_is_not_lost_where_the_instance_can_not_tell() -> None:
    given = entry({**UNKNOWN, **OWN})
    nobody: Any = object()
    assert with_data_versions(nobody, given) is given
