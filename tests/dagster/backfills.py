"""Backfills of partitioned assets, as the UI launches and shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster import DagsterRun, RunsFilter

from tests.dagster.world import World

LAUNCH = """
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message } } }
"""

BACKFILL = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
    ... on PartitionBackfill { status error { message } assetBackfillData { assetBackfillStatuses {
      ... on AssetPartitionsStatusCounts { numPartitionsTargeted numPartitionsMaterialized
        numPartitionsFailed } } } } } }
"""


def launch_backfill(
    world: World, assets: Sequence[str], partitions: Sequence[str], tags: dict[str, str]
) -> str:
    """Backfill partitions of assets, whose keys are ``a/b``; returns the backfill's id."""
    parameters = {
        "assetSelection": [{"path": asset.split("/")} for asset in assets],
        "partitionNames": list(partitions),
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    launched = world.ask(LAUNCH, params=parameters)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    backfill_id: str = launched["backfillId"]
    return backfill_id


def backfill(world: World, backfill_id: str) -> Any:
    """What has become of a backfill so far."""
    return world.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]


def runs_of(world: World, backfill_id: str) -> list[DagsterRun]:
    """The runs of a backfill."""
    filters = RunsFilter(tags={"dagster/backfill": backfill_id})
    return list(world.dagster.instance.get_runs(filters))
