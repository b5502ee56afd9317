"""What the event log says at a launch of features of Dagster that the run will not have."""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRun

from temporal_lambda.dagster.launching.tags import Launch

RUN_GRANULARITY = "run"
"""The granularity at which Dagster's queue claims pools, before it launches a run."""


def launch_notes(instance: DagsterInstance, run: DagsterRun, launch: Launch) -> dict[str, str]:
    """Notes about a run that is launched, by what they are about.

    Args:
        instance: Where the run is.
        run: The run.
        launch: How it is launched.
    """
    return {**_run_monitoring(instance, launch), **_pools(instance, run)}


def _run_monitoring(instance: DagsterInstance, launch: Launch) -> dict[str, str]:
    # Dagster+ monitors by itself.
    monitored = instance.run_monitoring_enabled or hasattr(instance, "organization_name")
    if monitored or not (launch.durable or launch.invocation_type == "RequestResponse"):
        return {}
    consequence = (
        "nobody learns how the workflow ends, and the run stays STARTED"
        if launch.invocation_type == "Event"
        else "should the process that waits for the function die, the run stays STARTED"
    )
    return {
        "Run monitoring": f"off: {consequence}. Set run_monitoring: {{enabled: true}} in "
        "dagster.yaml"
    }


def _pools(instance: DagsterInstance, run: DagsterRun) -> dict[str, str]:
    """At the granularity of ops, the processes that run op bodies claim pools: there are none."""
    pools = (run.run_op_concurrency and run.run_op_concurrency.all_pools) or ()
    config = instance.get_concurrency_config().pool_config
    granularity = config.pool_granularity
    if not pools or (granularity is not None and granularity.value == RUN_GRANULARITY):
        return {}
    limited = set(pools)
    if config.default_pool_limit is None:
        limited &= instance.event_log_storage.get_concurrency_keys()
    if not limited:
        return {}
    return {
        "Concurrency pools": f"not held: {', '.join(sorted(limited))}. Ops in Lambda claim no slot "
        "of a pool. Set concurrency: {pools: {granularity: run}} in dagster.yaml, and Dagster's "
        "queue holds the pools of whole runs"
    }
