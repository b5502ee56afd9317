"""Runs that some process waits for, or waited for, and what run monitoring is told of them."""

from __future__ import annotations

from dataclasses import replace

from dagster import DagsterRunStatus

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.lease import RunLease
from tests.dagster.dagster_fixtures import Dagster, sync

GONE = replace(RunLease.here(""), started="1", phase="invoked", until=0)
"""The lease of a process of this host that is gone."""


def health(dagster: Dagster, run_id: str) -> tuple[str, str]:
    """What run monitoring would be told, by a launcher of its own."""
    found = dagster.launcher().check_run_worker_health(dagster.run(run_id))
    return found.status.value, found.msg or ""


def started(dagster: Dagster, function: str, claimed: RunLease | None, **more: str) -> str:
    """A run that a process has claimed."""
    run = dagster.create(sync(function, **more), status=DagsterRunStatus.STARTED)
    if claimed:
        tag = replace(claimed, run_id=claimed.run_id or run.run_id).tag()
        dagster.instance.add_run_tags(run.run_id, {tags.WAITER: tag})
    return run.run_id
