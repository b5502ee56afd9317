"""The launcher in Dagster's own processes: the daemon with queue and monitoring, and the CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, RunsFilter

from tests.dagster import jobs
from tests.dagster.dagster_fixtures import (
    JOBS,
    Dagster,
    Lambda,
    eventually,
    sent,
    steps_of,
    sync,
)
from tests.dagster.world import World

pytestmark = pytest.mark.server

BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def running_daemon(world: World) -> None:
    world.daemon.start()


def launch_by_cli(dagster: Dagster, job: str, tags: Mapping[str, str], *options: str) -> str:
    """Launch a job of the workspace; returns the id of its run."""
    done = subprocess.run(
        [
            *(BIN / "dagster", "job", "launch", "--python-file", JOBS, "--job", job),
            *("--tags", json.dumps(tags)),
            *options,
        ],
        env={**os.environ, "DAGSTER_HOME": dagster.instance.root_directory},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = dagster.instance.get_runs(RunsFilter(job_name=job), limit=1)
    return run.run_id


def test_daemon_restart_during_waits_loses_no_run_and_invokes_none_twice(
    world: World, aws: Lambda, state: Path
) -> None:
    dagster = world.dagster
    plain = world.enqueue(sync("protocol"))
    durable = world.enqueue(sync("protocol", durable="true"))
    event = world.enqueue({"lambda/function_name": "echo"})
    dagster.finished(event, seconds=60)
    for run_id in (plain, durable):
        eventually(partial(aws.records, "protocol", run_id), "it was invoked")
        assert dagster.run(run_id).status is DagsterRunStatus.STARTED
    world.daemon.kill()
    eventually(lambda: not aws.busy("protocol"), "the last invocations have ended")
    invoked = len(aws.records("protocol", plain))

    world.daemon.start()
    dagster.finished(plain, seconds=60)
    assert "may have done its work" in dagster.failed(plain)
    assert len(aws.records("protocol", plain)) == invoked
    eventually(lambda: "attached to" in dagster.log(durable), "the durable run is attached to")
    (state / f"{durable}.done").touch()
    dagster.succeeded(durable)
    assert len(aws.records("echo", event)) == 1


def test_launch_error_is_recorded_by_the_daemon(world: World) -> None:
    run_id = world.enqueue({"lambda/function_name": "echo", "lambda/invocation_type": "Sync"})
    world.dagster.failed(run_id)
    assert "allowed are Event, RequestResponse" in world.dagster.log(run_id)


def test_job_launched_by_cli_waits_in_the_queue_for_the_daemon(world: World, aws: Lambda) -> None:
    tags = {"lambda/invocation_type": "RequestResponse"}
    run_id = launch_by_cli(world.dagster, "tagged", tags)
    world.dagster.succeeded(run_id)
    (record,) = aws.records("echo", run_id)
    run = sent(record)["dagster_run"]
    assert (run["run_id"], run["job_name"]) == (run_id, "tagged")
    assert run["location_name"] == "jobs.py"


def test_job_launched_by_cli_without_a_queue_is_waited_for_by_the_cli(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = launch_by_cli(dagster, "untagged", sync("nap"))
    assert dagster.run(run_id).status is DagsterRunStatus.SUCCESS
    assert len(aws.records("nap", run_id)) == 1


def test_automatic_retry_of_a_run_does_not_repeat_what_is_through(
    world: World, aws: Lambda, tmp_path: Path
) -> None:
    aws.add("ops", "dagster_ops.inline")
    path, dagster = tmp_path / "there", world.dagster
    ops = {"extract": {"config": {"table": "t"}}, "once_there": {"config": {"path": str(path)}}}
    tags = {**sync("ops"), "dagster/max_retries": "1"}
    first = world.enqueue(tags, {"ops": ops}, jobs.recovering)
    dagster.failed(first)
    path.touch()
    retries = RunsFilter(tags={"dagster/parent_run_id": first})
    (second,) = eventually(lambda: dagster.instance.get_runs(retries), "it is retried", 60)
    dagster.succeeded(second.run_id)
    assert steps_of(dagster, second.run_id) == {"once_there", "publish"}
