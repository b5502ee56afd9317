"""What Dagster knows of a run that a payload may tell."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, DagsterRun

from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.payload import RunFacts
from temporal_lambda.errors import SettingsError

if TYPE_CHECKING:
    from temporal_lambda.dagster.launching.dagster_internals import ExecutionPlanSnapshot, JobSnap

_FILLED_IN = ("ops", "resources")
"""Parts of a run config that a job's own default may stand in for."""


def collect_run_facts(
    instance: DagsterInstance,
    run: DagsterRun,
    config: LauncherConfig,
    environ: Mapping[str, str] = os.environ,
) -> RunFacts:
    """Read what payloads need.

    Of the environment, only what is on the launcher's allow-list is looked at.

    Args:
        instance: Where the run is.
        run: The run.
        config: The launcher's configuration.
        environ: Dagster's environment variables.

    Raises:
        SettingsError: Only some of the job's steps are to run.
    """
    _refuse_selection(instance, run)
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
        job_graph=_job_graph(instance, run) if config.job_graph else None,
    )


def job_graph(plan: ExecutionPlanSnapshot) -> dict[str, Sequence[str]]:
    """Which ops an op waits for, by the keys of their steps (``graph.op`` within a graph).

    Args:
        plan: The run's execution plan.
    """
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


def _refuse_selection(instance: DagsterInstance, run: DagsterRun) -> None:
    """A function would run all steps, also those that were left out for a reason."""
    selected = set(run.step_keys_to_execute or ())
    if not selected:
        return
    # Runs that were not limited may list their steps too: all of them.
    snapshot = run.execution_plan_snapshot_id
    steps = instance.get_execution_plan_snapshot(snapshot).steps if snapshot else []
    if selected != {step.key for step in steps}:
        raise SettingsError(
            f"runs on Lambda can't be limited to steps: {', '.join(sorted(selected))} were "
            "selected, and the function would run the whole job. Launch all of it"
        )


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
