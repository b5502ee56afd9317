"""A backfill of partitioned assets whose own bodies are executed in Lambda."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from dagster import AssetKey, DagsterRunStatus

from tests.dagster.backfills import backfill, launch_backfill, runs_of
from tests.dagster.code.conftest import CodeWorld
from tests.dagster.dagster_fixtures import eventually

pytestmark = pytest.mark.server


async def test_backfill_materializes_every_partition_of_its_assets(code_world: CodeWorld) -> None:
    await asyncio.to_thread(code_world.start_webserver)
    tags = code_world.functions.tags(code_world.named["durable"])
    launch = partial(launch_backfill, code_world, ["by_letter", "longer"], ["a", "b"], tags)
    backfill_id = await asyncio.to_thread(launch)

    def ended() -> Any:
        found = backfill(code_world, backfill_id)
        return found["status"].startswith("COMPLETED") and found

    found = await asyncio.to_thread(eventually, ended, "the backfill has ended", 90)
    assert found["status"] == "COMPLETED_SUCCESS", found
    for status in found["assetBackfillData"]["assetBackfillStatuses"]:
        assert status["numPartitionsMaterialized"] == 2, found
    runs = runs_of(code_world, backfill_id)
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    instance = code_world.dagster.instance
    made = instance.fetch_materializations(AssetKey("longer"), limit=10).records
    assert {one.partition_key for one in made if one.run_id in {run.run_id for run in runs}} == {
        "a",
        "b",
    }
