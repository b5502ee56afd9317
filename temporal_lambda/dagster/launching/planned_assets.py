"""The assets that a run was planned to materialize."""

from __future__ import annotations

from collections.abc import Iterator

from dagster import AssetMaterialization, DagsterEventType, DagsterInstance

from temporal_lambda.dagster.launching.materializations import Materialized


def find_planned(instance: DagsterInstance, run_id: str) -> Iterator[Materialized]:
    """What a run was planned to materialize; nothing if it has materialized anything.

    Dagster writes the plan into the event log as it creates the run.

    Args:
        instance: Where the run is.
        run_id: The run.

    Yields:
        One for each asset, or for each of its partitions.
    """
    if instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
        return
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED):
        event = entry.dagster_event
        if event is None:
            continue
        plan = event.asset_materialization_planned_data
        several = plan.partitions_subset
        for partition in several.get_partition_keys() if several else [plan.partition]:
            materialization = AssetMaterialization(plan.asset_key, partition=partition)
            yield Materialized(event.step_key, materialization)
