"""What Dagster knows about a run that a payload may carry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, DagsterRun

from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.parent_outputs import parent_outputs
from temporal_lambda.dagster.launching.payload import RunFacts
from temporal_lambda.dagster.launching.result_records import record_address
from temporal_lambda.dagster.launching.run_code import run_as_code
from temporal_lambda.errors import SettingsError

if TYPE_CHECKING:
    from temporal_lambda.dagster.dagster_internals import ExecutionPlanSnapshot, JobSnap

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
"""Run tags in which Dagster keeps a run's partitions."""

HIDDEN = ".dagster/"
"""Prefix of the tags that Dagster keeps to itself."""

_FILLED_IN = ("ops", "resources")
"""Parts of a run config that a job's own default may stand in for."""


def collect_run_facts(
    instance: DagsterInstance,
    run: DagsterRun,
    config: LauncherConfig,
    environ: Mapping[str, str] = os.environ,
    *,
    run_code: bool = False,
) -> RunFacts:
    """Read what payloads need.

    Of the environment, only what is on the launcher's allow-list is looked at.

    Args:
        instance: Where the run is.
        run: The run.
        config: The launcher's configuration.
        environ: Dagster's environment variables.
        run_code: Whether the function executes the job's own steps. It knows the graph, and finds
            outputs of earlier runs where the steps themselves have put them.

    Raises:
        SettingsError: The ops of the job are not known before it runs (dynamic outputs).
    """
    selected = _step_selection(instance, run)
    outputs, missing = ({}, {}) if run_code else _outputs_before(instance, run, selected)
    origin = run.remote_job_origin
    org_id, deployment_id = identity(instance)
    return RunFacts(
        run_id=run.run_id,
        job_name=run.job_name,
        run_config=_run_config(instance, run),
        deployment_name=deployment_id or config.default_deployment_name,
        location_name=origin.location_name if origin else None,
        org_id=org_id,
        deployment_id=deployment_id,
        environment_variables={
            name: environ[name] for name in config.environment_variables if name in environ
        },
        job_graph=_job_graph(instance, run) if config.job_graph and not run_code else None,
        tags={name: value for name, value in run.tags.items() if not name.startswith(HIDDEN)},
        partition_key=run.tags.get(PARTITION),
        partition_key_range=_partition_key_range(run),
        op_selection=_op_selection(instance, run),
        asset_selection=_sorted(key.to_user_string() for key in run.asset_selection)
        if run.asset_selection is not None
        else None,
        asset_check_selection=_sorted(check.to_user_string() for check in run.asset_check_selection)
        if run.asset_check_selection is not None
        else None,
        narrowed=selected is not None or _is_narrowed(instance, run),
        step_selection=selected,
        outputs=outputs,
        missing_outputs=missing,
        parent_run_id=run.parent_run_id,
        root_run_id=run.root_run_id,
        result_record=config.result_records and record_address(config.result_records, run.run_id),
        code=run_as_code(instance, run) if run_code else None,
    )


def job_graph(plan: ExecutionPlanSnapshot) -> dict[str, Sequence[str]]:
    """Which ops an op waits for, by the keys of their steps (``graph.op`` within a graph).

    Args:
        plan: The run's execution plan.

    Raises:
        SettingsError: Some of them are only known while the job runs.
    """
    if dynamic := [step.key for step in plan.steps if "[" in step.key or "?" in step.key]:
        raise SettingsError(
            f"ops with dynamic outputs can't run on Lambda: how often {', '.join(dynamic)} runs is "
            "only known while the job runs. Return the values as one list"
        )
    return {
        step.key: sorted(
            {
                output.step_key
                for step_input in step.inputs
                for output in step_input.upstream_output_handles
            }
        )
        for step in plan.steps
    }


def default_config(job: JobSnap) -> dict[str, Any]:
    """A job's own default config, as its snapshot has it: ``@job(config=...)`` and the like.

    The run itself doesn't hold it, and a workspace, which knows it too, is missing in Dagster+.
    What is empty is left out.

    Args:
        job: The job's snapshot.
    """
    schema = job.config_schema_snapshot
    root_key = job.mode_def_snaps[0].root_config_key
    root = schema.get_config_snap(root_key) if root_key else None
    found: dict[str, Any] = {}
    for field in (root and root.fields) or ():
        if field.name in _FILLED_IN and field.default_value_as_json_str:
            default = json.loads(field.default_value_as_json_str)
            if filled := {name: value for name, value in default.items() if value}:
                found[field.name] = filled
    return found


def _step_selection(instance: DagsterInstance, run: DagsterRun) -> list[str] | None:
    """The steps to run; ``None`` for all, which a run that is not limited may list, too."""
    selected = set(run.step_keys_to_execute or ())
    snapshot = run.execution_plan_snapshot_id
    if not selected or snapshot is None:
        return None
    steps = instance.get_execution_plan_snapshot(snapshot).steps
    return None if selected == {step.key for step in steps} else sorted(selected)


def _outputs_before(
    instance: DagsterInstance, run: DagsterRun, selected: list[str] | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Outputs that the selected steps need from the others; known ones, and why others aren't."""
    if selected is None or run.execution_plan_snapshot_id is None:
        return {}, {}
    graph = job_graph(instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id))
    needed = {upstream for step in selected for upstream in graph.get(step, ())}
    return parent_outputs(instance, run, needed - set(selected))


def _is_narrowed(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether a selection leaves ops of the job out; one of all ops does not."""
    if run.job_snapshot_id is None:
        return run.op_selection is not None
    job = instance.get_job_snapshot(run.job_snapshot_id)
    if job.lineage_snapshot is None:
        return False
    whole = job.lineage_snapshot.parent_snapshot_id
    return not instance.has_job_snapshot(whole) or (
        _op_names(job) != _op_names(instance.get_job_snapshot(whole))
    )


def _op_selection(instance: DagsterInstance, run: DagsterRun) -> list[str] | None:
    """Names; what a user selected may be patterns."""
    if run.op_selection is None:
        return None
    job = run.job_snapshot_id and instance.get_job_snapshot(run.job_snapshot_id)
    lineage = job.lineage_snapshot if job else None
    resolved = run.resolved_op_selection or (lineage and lineage.resolved_op_selection)
    return sorted(resolved or run.op_selection)


def _op_names(job: JobSnap) -> set[str]:
    graphs = [graph.dep_structure_snapshot for graph in job.node_defs_snapshot.graph_def_snaps]
    structures = [job.dep_structure_snapshot, *graphs]
    return {node.node_name for one in structures for node in one.node_invocation_snaps}


def _partition_key_range(run: DagsterRun) -> tuple[str, str] | None:
    start, end = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
    return None if start is None or end is None else (start, end)


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _run_config(instance: DagsterInstance, run: DagsterRun) -> dict[str, Any]:
    config = dict(run.run_config)
    missing = [part for part in _FILLED_IN if part not in config]
    if missing and run.job_snapshot_id:
        default = default_config(instance.get_job_snapshot(run.job_snapshot_id))
        config.update({part: default[part] for part in missing if part in default})
    return config


def _job_graph(instance: DagsterInstance, run: DagsterRun) -> dict[str, Sequence[str]] | None:
    if run.execution_plan_snapshot_id is None:
        return None
    return job_graph(instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id))


def identity(instance: DagsterInstance) -> tuple[str | None, str | None]:
    """Organization and deployment; only the instances of Dagster+ have them."""
    # An agent of several deployments refuses to name one; the instance of a launch serves one.
    deployments = getattr(instance, "deployment_names", None) or [None]
    deployment = deployments[0] if len(deployments) == 1 else None
    return getattr(instance, "organization_name", None), deployment
