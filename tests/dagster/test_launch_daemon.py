"""The launcher in Dagster's own processes: the daemon with queue and monitoring, and the CLI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from tests.dagster.dagster_fixtures import (
    JOBS,
    Dagster,
    Lambda,
    dagster_on_disk,
    eventually,
    sent,
    sync,
)

pytestmark = pytest.mark.server

QUEUED = {
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    },
    "run_monitoring": {"enabled": True, "poll_interval_seconds": 1},
}

BIN = Path(sys.executable).parent


class Daemon:
    """``dagster-daemon run`` beside an instance."""

    def __init__(self, dagster: Dagster) -> None:
        self.dagster = dagster
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [BIN / "dagster-daemon", "run", "--python-file", JOBS],
            env={**os.environ, "DAGSTER_HOME": self.dagster.instance.root_directory},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End it at once, with its code servers."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def enqueue(self, tags: Mapping[str, str]) -> str:
        """A run that the daemon is to launch."""
        location = RegisteredCodeLocationOrigin("jobs.py")
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "untagged")
        queued = DagsterRunStatus.QUEUED
        return self.dagster.create(tags, status=queued, remote_job_origin=origin).run_id


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, aws: Lambda) -> Iterator[Daemon]:
    with dagster_on_disk(tmp_path_factory.mktemp("queued"), aws.endpoint, QUEUED) as dagster:
        daemon = Daemon(dagster)
        daemon.start()
        try:
            yield daemon
        finally:
            daemon.kill()


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
    daemon: Daemon, aws: Lambda, state: Path
) -> None:
    dagster = daemon.dagster
    plain = daemon.enqueue(sync("protocol"))
    durable = daemon.enqueue(sync("protocol", durable="true"))
    event = daemon.enqueue({"lambda/function_name": "echo"})
    dagster.finished(event, seconds=60)
    for run_id in (plain, durable):
        eventually(partial(aws.records, "protocol", run_id), "it was invoked")
        assert dagster.run(run_id).status is DagsterRunStatus.STARTED
    daemon.kill()
    eventually(lambda: not aws.busy("protocol"), "the last invocations have ended")
    invoked = len(aws.records("protocol", plain))

    daemon.start()
    dagster.finished(plain, seconds=60)
    assert "may have done its work" in dagster.failed(plain)
    assert len(aws.records("protocol", plain)) == invoked
    eventually(lambda: "attached to" in dagster.log(durable), "the durable run is attached to")
    (state / f"{durable}.done").touch()
    dagster.succeeded(durable)
    assert len(aws.records("echo", event)) == 1


def test_launch_error_is_recorded_by_the_daemon(daemon: Daemon) -> None:
    run_id = daemon.enqueue({"lambda/function_name": "echo", "lambda/invocation_type": "Sync"})
    daemon.dagster.failed(run_id)
    assert "allowed are Event, RequestResponse" in daemon.dagster.log(run_id)


def test_job_launched_by_cli_waits_in_the_queue_for_the_daemon(daemon: Daemon, aws: Lambda) -> None:
    tags = {"lambda/invocation_type": "RequestResponse"}
    run_id = launch_by_cli(daemon.dagster, "tagged", tags)
    daemon.dagster.succeeded(run_id)
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
