"""Who waits for a function, who doesn't, and what becomes of a wait whose process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from platform import node

import pytest
from dagster import DagsterRunStatus

from temporal_lambda.dagster.dagster_internals import LaunchRunContext
from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching import lease, tags, wait_pool
from temporal_lambda.dagster.launching.lease import Phase, RunLease
from tests.dagster.claimed_runs import GONE, health, started
from tests.dagster.dagster_fixtures import Dagster, Lambda, eventually, sync

pytestmark = pytest.mark.server


def test_launching_does_not_wait_and_events_do_not_wait_for_sync_runs(
    dagster: Dagster, aws: Lambda, state: Path
) -> None:
    slow = [dagster.launch(sync("protocol"), max_concurrent_waits=1) for _ in range(2)]
    event = dagster.launch({"lambda/function_name": "echo"}, max_concurrent_waits=1)
    dagster.succeeded(event)
    assert [dagster.run(run_id).status for run_id in slow] == [DagsterRunStatus.STARTED] * 2
    for run_id in slow:
        (state / f"{run_id}.done").touch()
        dagster.succeeded(run_id)
    (record,) = aws.records("protocol", slow[1])
    assert record.status == "success"


def test_process_that_ends_waits_for_its_answers(dagster: Dagster) -> None:
    own = dagster.launcher()
    run = dagster.create(sync("nap"))
    own.launch_run(LaunchRunContext(run, None))
    with pytest.raises(TimeoutError, match=run.run_id):
        own.join(timeout=0)
    own.dispose()
    assert dagster.run(run.run_id).status is DagsterRunStatus.SUCCESS
    own.join(timeout=0)


def test_process_that_ends_waits_no_longer_than_it_may(
    dagster: Dagster, caplog: pytest.LogCaptureFixture
) -> None:
    own = dagster.launcher(shutdown_timeout_seconds=0)
    run = dagster.create(sync("nap"))
    own.launch_run(LaunchRunContext(run, None))
    own.dispose()
    assert f"run {run.run_id} is left to run monitoring" in caplog.text
    dagster.succeeded(run.run_id)


def test_run_that_is_waited_for_is_healthy(dagster: Dagster) -> None:
    run_id = dagster.launch(sync("nap"))
    assert health(dagster, run_id) == ("RUNNING", "waited for by this process")
    info = dagster.launcher().get_run_worker_debug_info(dagster.run(run_id)) or ""
    assert f"Waited for by: process {os.getpid()} on {node()}" in info
    dagster.succeeded(run_id)
    assert health(dagster, run_id)[0] == "RUNNING"


ELSEWHERE = """
import sys, threading
from dagster import DagsterInstance
home, *run_ids = sys.argv[1:]
instance = DagsterInstance.from_config(home)
for run_id in run_ids:
    instance.launch_run(run_id, None)
threading.Event().wait()
"""


def test_process_that_waited_has_died(dagster: Dagster, aws: Lambda, state: Path) -> None:
    plain = dagster.create(sync("protocol")).run_id
    durable = dagster.create(sync("protocol", durable="true")).run_id
    home = dagster.instance.root_directory
    process = subprocess.Popen([sys.executable, "-c", ELSEWHERE, home, plain, durable])
    try:
        for run_id in (plain, durable):
            # The other process imports Dagster first.
            eventually(partial(aws.records, "protocol", run_id), "it was invoked", seconds=60)
            status, message = health(dagster, run_id)
            assert (status, message) == (
                "RUNNING",
                f"waited for by process {process.pid} on {node()}",
            )
    finally:
        process.kill()
        process.wait()
    status, message = health(dagster, plain)
    assert status == "FAILED"
    assert "may have done its work" in message
    invoked = len(aws.records("protocol", plain))

    assert health(dagster, durable)[0] == "RUNNING"
    (state / f"{durable}.done").touch()
    dagster.succeeded(durable)
    assert "the run is durable and attached to" in dagster.log(durable)
    assert len(aws.records("protocol", plain)) == invoked


def test_run_whose_tags_make_no_sense_here_is_left_to_the_process_that_waits(
    dagster: Dagster,
) -> None:
    alive = replace(GONE, host="elsewhere", until=time.time() + 600)
    assert health(dagster, started(dagster, "f", alive, newer="tag"))[0] == "RUNNING"
    gone = started(dagster, "f", GONE, newer="tag")
    assert health(dagster, gone)[0] == "FAILED"


def test_run_that_was_not_invoked_is_invoked_after_all(dagster: Dagster, aws: Lambda) -> None:
    run_id = started(dagster, "echo", replace(GONE, phase="queued"))
    assert health(dagster, run_id)[0] == "RUNNING"
    dagster.succeeded(run_id)
    assert len(aws.records("echo", run_id)) == 1


@pytest.mark.parametrize(
    ("claimed", "status"),
    [
        (GONE, "FAILED"),
        (None, "FAILED"),
        (replace(GONE, run_id="another"), "FAILED"),
        (replace(GONE, host="elsewhere"), "FAILED"),
        (replace(GONE, host="elsewhere", until=time.time() + 600), "RUNNING"),
        (replace(RunLease.here(""), phase="invoked"), "FAILED"),
        (replace(GONE, phase="accepted"), "RUNNING"),
    ],
)
def test_wait_is_lost_when_its_process_is_gone_or_silent(
    claimed: RunLease | None, status: str, dagster: Dagster, aws: Lambda
) -> None:
    run_id = started(dagster, "echo", claimed)
    assert health(dagster, run_id)[0] == status
    assert not aws.records("echo", run_id)


def test_wait_that_was_taken_over_is_given_up(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch(sync("patient"))
    eventually(lambda: aws.busy("patient"), "it was invoked")
    # Written once, while the process that waits has nothing to write.
    taken = take_over(dagster, run_id)
    eventually(lambda: not dagster.waits_for(run_id), "this process has given up")
    assert dagster.run(run_id).tags[tags.WAITER] == taken.tag()
    assert "elsewhere" in health(dagster, run_id)[1]
    assert dagster.run(run_id).status is DagsterRunStatus.STARTED
    assert len(aws.records("patient", run_id)) == 1


def take_over(dagster: Dagster, run_id: str) -> RunLease:
    """Another process waits for a run from now on."""
    taken = replace(GONE, run_id=run_id, host="elsewhere", until=time.time() + 600)
    dagster.instance.add_run_tags(run_id, {tags.WAITER: taken.tag()})
    return taken


def test_run_is_never_taken_back_from_the_process_that_took_it_over(
    dagster: Dagster, aws: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = dagster.create(sync("echo"), status=DagsterRunStatus.STARTED).run_id
    driver = dagster.launcher()._dispatcher.prepare(dagster.instance, dagster.run(run_id))
    driver.announce()
    taken = take_over(dagster, run_id)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0)
    driver.tend()
    assert dagster.run(run_id).tags[tags.WAITER] == taken.tag()
    # As if it had been taken over just after the run was looked at.
    assert not driver._claim.enter("invoked")
    driver.run()
    driver.close()
    assert dagster.run(run_id).tags[tags.WAITER] == taken.tag()
    assert not aws.records("echo", run_id)


def test_renewal_leaves_the_phase_as_it_is(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0)
    run_id = dagster.create(sync("echo"), status=DagsterRunStatus.STARTED).run_id
    driver = dagster.launcher()._dispatcher.prepare(dagster.instance, dagster.run(run_id))
    driver.announce()
    phases: tuple[Phase, ...] = ("invoked", "accepted")
    for phase in phases:
        assert driver._claim.enter(phase)
        driver.tend()
        found = RunLease.from_tag(dagster.run(run_id).tags[tags.WAITER], run_id)
        assert found
        assert found.phase == phase
    driver.close()


def test_waits_renew_their_lease(dagster: Dagster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait_pool, "TEND_SECONDS", 0.1)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0)
    own = wait_pool.WaitPool()
    launcher = LambdaRunLauncher(dagster.launcher().config, pool=own)
    launcher.register_instance(dagster.instance)
    run_id = dagster.create(sync("nap")).run_id
    launcher.launch_run(LaunchRunContext(dagster.run(run_id), None))

    def until() -> float:
        found = RunLease.from_tag(dagster.run(run_id).tags[tags.WAITER], run_id)
        return found.until if found else 0

    first = until()
    eventually(lambda: until() > first + 0.2, "the lease was renewed")
    dagster.succeeded(run_id)
    assert own.join([run_id], 10) == []
