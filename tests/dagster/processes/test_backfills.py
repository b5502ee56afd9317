"""Backfills of partitioned assets, from the webserver through the daemon to Lambda."""

from __future__ import annotations

import time

import pytest
from dagster import AssetKey, DagsterRunStatus

from tests.dagster.backfills import backfill, launch_backfill, runs_of
from tests.dagster.dagster_fixtures import Lambda, eventually, sent
from tests.dagster.jobs import days
from tests.dagster.world import World

pytestmark = pytest.mark.server

PARTITIONS = list(days.get_partition_keys())

CANCEL = """
mutation ($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename
    ... on PythonError { message } } }
"""


@pytest.fixture(autouse=True)
def running_processes(world: World) -> None:
    world.daemon.start()
    world.start_webserver()


def launch(world: World, **tags: str) -> str:
    """Backfill all partitions of an asset; returns the backfill's id."""
    named = {f"lambda/{key}": value for key, value in tags.items()}
    return launch_backfill(world, ["shop/orders"], PARTITIONS, named)


def test_each_partition_has_a_payload_and_a_materialization_of_its_own(
    world: World, aws: Lambda
) -> None:
    backfill_id = launch(
        world,
        function_name="echo",
        invocation_type="RequestResponse",
        materialize_planned="true",
    )
    ended = eventually(
        lambda: (found := backfill(world, backfill_id))["status"].startswith("COMPLETED") and found,
        "the backfill has ended",
        seconds=60,
    )
    assert ended["status"] == "COMPLETED_SUCCESS", ended
    assert ended["assetBackfillData"]["assetBackfillStatuses"] == [
        {"numPartitionsTargeted": 3, "numPartitionsMaterialized": 3, "numPartitionsFailed": 0}
    ]
    payloads = [sent(*aws.records("echo", run.run_id)) for run in runs_of(world, backfill_id)]
    told = [payload["dagster_run"] for payload in payloads]
    assert sorted(run["partition_key"] for run in told) == sorted(PARTITIONS)
    assert {tuple(run["asset_selection"]) for run in told} == {("shop/orders",)}
    materialized = world.dagster.instance.get_materialized_partitions(AssetKey(["shop", "orders"]))
    assert materialized == set(PARTITIONS)


def test_canceled_backfill_ends_within_10_s_and_so_do_its_runs(world: World, aws: Lambda) -> None:
    backfill_id = launch(
        world, function_name="protocol", invocation_type="RequestResponse", durable="true"
    )

    def all_invoked() -> bool:
        found = runs_of(world, backfill_id)
        return len(found) == 3 and all(aws.records("protocol", run.run_id) for run in found)

    eventually(all_invoked, "all its runs were invoked", seconds=60)
    assert world.ask(CANCEL, id=backfill_id)["cancelPartitionBackfill"]["__typename"] == (
        "CancelBackfillSuccess"
    )
    begun = time.monotonic()
    eventually(lambda: backfill(world, backfill_id)["status"] == "CANCELED", "it is canceled")
    took = time.monotonic() - begun
    assert {run.status for run in runs_of(world, backfill_id)} == {DagsterRunStatus.CANCELED}
    for run in runs_of(world, backfill_id):
        asked = [sent(record).get("request") for record in aws.records("protocol", run.run_id)]
        assert "cancel" in asked
    assert took < 10
