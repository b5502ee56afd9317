"""An asset that was just materialized in Lambda is not out of date in Dagster."""

from __future__ import annotations

import asyncio

import pytest
from dagster import AssetKey, EventLogRecord

from tests.dagster.code.conftest import Functions, Launch
from tests.dagster.dagster_fixtures import Dagster

pytestmark = pytest.mark.server

INPUT = "dagster/input_data_version/total"
POINTER = "dagster/input_event_pointer/total"


def latest(beside: Dagster, asset: str) -> tuple[EventLogRecord, dict[str, str]]:
    """The latest materialization of an asset, and its tags."""
    (record,) = beside.instance.fetch_materializations(AssetKey(asset), limit=1).records
    made = record.asset_materialization
    assert made
    return record, dict(made.tags or {})


@pytest.mark.parametrize("mode", ["durable", "inline"])
async def test_versions_of_inputs_are_those_of_the_instance(
    launch: Launch, beside: Dagster, functions: Functions, mode: str
) -> None:
    function = functions.add(mode)
    run_id = await asyncio.to_thread(launch, function, "numbers")
    await asyncio.to_thread(beside.succeeded, run_id)
    (total, of_total), (_, of_doubled) = latest(beside, "total"), latest(beside, "doubled")
    assert of_doubled[INPUT] == of_total["dagster/data_version"]
    assert of_doubled[POINTER] == str(total.storage_id)
    # Alone, long after what it comes from.
    alone = {"asset_selection": frozenset({AssetKey("doubled")})}
    again = await asyncio.to_thread(launch, function, "__ASSET_JOB", None, None, alone)
    await asyncio.to_thread(beside.succeeded, again)
    record, of_doubled = latest(beside, "doubled")
    assert record.run_id == again
    assert of_doubled[INPUT] == of_total["dagster/data_version"]
    assert of_doubled[POINTER] == str(total.storage_id)
