"""What a launch says of features of Dagster that its run will not have."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from temporal_lambda.dagster.launching.launch_notes import launch_notes
from temporal_lambda.dagster.launching.tags import Launch
from tests.dagster.dagster_fixtures import Dagster, sync

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    ("tags", "consequence"),
    [
        (sync("echo"), "should the process that waits for the function die, the run stays STARTED"),
        (
            {"lambda/function_name": "echo", "lambda/durable": "true"},
            "nobody learns how the workflow ends, and the run stays STARTED",
        ),
        ({"lambda/function_name": "echo"}, ""),
    ],
)
def test_launch_says_what_is_missing_without_run_monitoring(
    tags: dict[str, str], consequence: str, dagster: Dagster
) -> None:
    log = dagster.log(dagster.launch(tags))
    assert ("Run monitoring" in log) == bool(consequence)
    assert consequence in log


@dg.op(pool="database")
def pooled() -> None: ...


@dg.job
def pooled_job() -> None:
    pooled()


def test_launch_says_which_pools_are_not_held(dagster: Dagster) -> None:
    dagster.instance.event_log_storage.set_concurrency_slots("database", 1)
    try:
        log = dagster.log(dagster.launch(sync("echo"), job=pooled_job))
        assert "not held: database" in log
        assert "pools: {granularity: run}" in log
        assert "not held" not in dagster.log(dagster.launch(sync("echo")))
    finally:
        dagster.instance.event_log_storage.delete_concurrency_limit("database")


@pytest.mark.parametrize(
    ("pools", "told"),
    [
        ({}, False),
        ({"default_limit": 1}, True),
        ({"default_limit": 1, "granularity": "op"}, True),
        ({"default_limit": 1, "granularity": "run"}, False),
    ],
)
def test_pools_are_held_at_the_granularity_of_runs_or_have_no_limit(
    pools: dict[str, Any], told: bool
) -> None:
    settings = {"concurrency": {"pools": pools}}
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        run = instance.create_run_for_job(pooled_job)
        assert ("Concurrency pools" in launch_notes(instance, run, Launch("etl"))) == told
