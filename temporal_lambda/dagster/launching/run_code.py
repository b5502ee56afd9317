"""A run as functions need it that execute its own steps."""

from __future__ import annotations

from typing import Any

import dagster
from dagster import DagsterInstance, DagsterRun

from temporal_lambda.dagster.dagster_internals import serialize_value
from temporal_lambda.dagster.packed_text import pack

HIDDEN = ".dagster/"
"""Prefix of the tags that Dagster keeps to itself."""


def run_as_code(instance: DagsterInstance, run: DagsterRun) -> dict[str, Any]:
    """The ``code`` part of a payload, see ``protocol``.

    Args:
        instance: Where the run is.
        run: The run.
    """
    # Without what is of this machine: where the code location is, and what the run came to so far.
    sent = DagsterRun(
        job_name=run.job_name,
        run_id=run.run_id,
        run_config=run.run_config,
        asset_selection=run.asset_selection,
        asset_check_selection=run.asset_check_selection,
        op_selection=run.op_selection,
        resolved_op_selection=run.resolved_op_selection,
        step_keys_to_execute=run.step_keys_to_execute,
        tags={name: value for name, value in run.tags.items() if not name.startswith(HIDDEN)},
        root_run_id=run.root_run_id,
        parent_run_id=run.parent_run_id,
        partitions_subset=run.partitions_subset,
    )
    texts = [serialize_value(sent)]
    if run.execution_plan_snapshot_id:
        plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        if plan.initial_known_state:
            texts.append(serialize_value(plan.initial_known_state))
    return {
        "run": pack(texts),
        "dagster": dagster.__version__,
        "job_snapshot": _whole_job(instance, run),
    }


def _whole_job(instance: DagsterInstance, run: DagsterRun) -> str | None:
    """The digest of the job's definition; that of a part of it depends on how it was selected."""
    if run.job_snapshot_id is None:
        return None
    lineage = instance.get_job_snapshot(run.job_snapshot_id).lineage_snapshot
    return lineage.parent_snapshot_id if lineage else run.job_snapshot_id
