"""Which tasks will come back to a worker, and when."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio import activity
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.testing import ActivityEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowRunner

from temporal_lambda.tracking.returns import (
    AWAITED,
    GUARD,
    OVERDUE,
    KnownReturns,
    _WatchedInstance,
)
from tests.support.clock import Clock

WALL = 1_800_000_000.0
"""What the server's clock says when ours says 100."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def returns(clock: Clock) -> KnownReturns:
    return KnownReturns(clock, lambda: WALL + clock.now - 100)


def activation(
    run: str = "run",
    *,
    fires: int | None = None,
    evicts: bool = False,
    began_at: float | None = None,
) -> WorkflowActivation:
    made = WorkflowActivation(run_id=run, is_replaying=began_at is not None)
    if began_at is not None:
        made.timestamp.FromNanoseconds(int(began_at * 1e9))
    if fires is not None:
        made.jobs.add().fire_timer.seq = fires
    if evicts:
        made.jobs.add().remove_from_cache.SetInParent()
    return made


def completion(
    *, starts: tuple[int, float] | None = None, cancels: int | None = None, ends: str | None = None
) -> WorkflowActivationCompletion:
    made = WorkflowActivationCompletion()
    made.successful.SetInParent()
    if starts:
        timer = made.successful.commands.add().start_timer
        timer.seq = starts[0]
        timer.start_to_fire_timeout.FromTimedelta(timedelta(seconds=starts[1]))
    if cancels is not None:
        made.successful.commands.add().cancel_timer.seq = cancels
    if ends:
        getattr(made.successful.commands.add(), ends).SetInParent()
    return made


def test_timer_is_known_until_it_fires(returns: KnownReturns, clock: Clock) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    assert returns.next_due() == clock.now + 5
    clock.now += 5
    returns.workflow_advanced(activation(fires=1), completion())
    assert returns.next_due() is None


def test_nearest_of_several_timers_counts(returns: KnownReturns, clock: Clock) -> None:
    returns.workflow_advanced(activation("one"), completion(starts=(1, 50)))
    returns.workflow_advanced(activation("two"), completion(starts=(1, 5)))
    assert returns.next_due() == clock.now + 5


def test_cancelled_timer_is_forgotten(returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    returns.workflow_advanced(activation(), completion(cancels=1))
    assert returns.next_due() is None


@pytest.mark.parametrize(
    "ends",
    [
        "complete_workflow_execution",
        "fail_workflow_execution",
        "cancel_workflow_execution",
        "continue_as_new_workflow_execution",
    ],
)
def test_run_that_ends_takes_its_timers_with_it(ends: str, returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    returns.workflow_advanced(activation("other"), completion(starts=(1, 9)))
    returns.workflow_advanced(activation(), completion(ends=ends))
    assert returns.next_due() == 109.0


def test_timer_of_an_evicted_run_comes_all_the_same(returns: KnownReturns, clock: Clock) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    returns.workflow_advanced(activation(evicts=True), completion())
    assert returns.next_due() == clock.now + 5


def test_run_that_ends_takes_its_retries_with_it(returns: KnownReturns) -> None:
    returns.attempt_failed(attempt(workflow_run_id="run"), ValueError())
    returns.workflow_advanced(activation(), completion(ends="complete_workflow_execution"))
    assert returns.next_due() is None


def test_timer_of_a_replayed_task_began_when_that_task_did(returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(began_at=WALL - 8), completion(starts=(1, 10)))
    assert returns.next_due() == pytest.approx(102.0)


def test_timer_of_long_ago_that_never_fired_here_does_not_hold_anybody(
    returns: KnownReturns, clock: Clock
) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    clock.now += 5 + OVERDUE
    assert returns.next_due() is None
    assert not returns.is_near()


def test_completion_that_failed_starts_nothing(returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), fails())
    assert returns.next_due() is None


def test_return_is_near_from_a_guard_before_it_until_it_has_come(
    returns: KnownReturns, clock: Clock
) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    clock.now += 5 - GUARD
    assert not returns.is_near()
    clock.now += 0.01
    assert returns.is_near()
    clock.now += GUARD + OVERDUE / 2
    assert returns.is_near()


def test_moments_are_told_in_the_servers_time(returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), completion(starts=(1, 5)))
    returns.attempt_failed(attempt(), ValueError())
    assert sorted(returns.on_wall_clock()) == [WALL + 1, WALL + 5]


def asks(command: str, seq: int = 7) -> WorkflowActivationCompletion:
    made = completion()
    getattr(made.successful.commands.add(), command).seq = seq
    return made


def answers(job: str, seq: int = 7) -> WorkflowActivation:
    made = activation()
    getattr(made.jobs.add(), job).seq = seq
    return made


@pytest.mark.parametrize(("command", "job"), AWAITED.items())
def test_workflow_awaits_what_others_do_until_the_answer_comes(
    command: str, job: str, returns: KnownReturns
) -> None:
    returns.workflow_advanced(activation(), asks(command))
    assert returns.awaits_others
    returns.workflow_advanced(answers(job, seq=8), completion())
    assert returns.awaits_others
    returns.workflow_advanced(answers(job), completion())
    assert not returns.awaits_others


def test_child_that_could_not_be_started_is_not_awaited(returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), asks("start_child_workflow_execution"))
    started = activation()
    job = started.jobs.add().resolve_child_workflow_execution_start
    job.seq = 7
    job.succeeded.run_id = "child"
    returns.workflow_advanced(started, completion())
    assert returns.awaits_others
    job.failed.SetInParent()
    returns.workflow_advanced(started, completion())
    assert not returns.awaits_others


def test_activity_that_waits_for_its_retry_is_known_and_not_awaited(
    returns: KnownReturns,
) -> None:
    returns.workflow_advanced(activation(), asks("schedule_activity"))
    returns.attempt_failed(attempt(), ValueError())
    assert not returns.awaits_others


@pytest.mark.parametrize("end", ["evicted", "over"])
def test_run_that_is_gone_awaits_nothing(end: str, returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), asks("schedule_activity"))
    if end == "evicted":
        returns.workflow_advanced(activation(evicts=True), completion())
    else:
        returns.workflow_advanced(activation(), completion(ends="fail_workflow_execution"))
    assert not returns.awaits_others


def fails() -> WorkflowActivationCompletion:
    made = WorkflowActivationCompletion()
    made.failed.SetInParent()
    return made


def begins(run: str, *, after: str = "") -> WorkflowActivation:
    made = WorkflowActivation(run_id=run)
    made.jobs.add().initialize_workflow.continued_from_execution_run_id = after
    return made


@pytest.mark.parametrize(
    ("end", "next_run"),
    [
        (completion(ends="continue_as_new_workflow_execution"), "next run"),
        (fails(), "run"),
    ],
    ids=["continued as new", "task failed"],
)
def test_task_that_the_server_sends_at_once_is_awaited_until_it_comes(
    end: WorkflowActivationCompletion, next_run: str, returns: KnownReturns
) -> None:
    returns.workflow_advanced(activation(), end)
    returns.workflow_advanced(activation(evicts=True), completion())
    returns.workflow_advanced(begins("another"), completion())
    assert returns.awaits_others
    returns.workflow_advanced(begins(next_run, after="run"), completion())
    assert not returns.awaits_others


def test_query_is_told_of(clock: Clock) -> None:
    told: list[str] = []
    returns = KnownReturns(clock, queried=lambda: told.append("queried"))
    asked = activation()
    asked.jobs.add().query_workflow.query_type = "count"
    returns.workflow_advanced(asked, completion())
    assert told == ["queried"]


def attempt(**changes: Any) -> activity.Info:
    """An attempt at an activity whose server's time is now."""
    info = ActivityEnvironment.default_info()
    defaults = {"scheduled_time": datetime.fromtimestamp(WALL, timezone.utc)}
    return dataclasses.replace(info, **{**defaults, **changes})


def test_failed_attempt_comes_back_when_its_policy_says_so(
    returns: KnownReturns, clock: Clock
) -> None:
    returns.attempt_failed(attempt(), ValueError())
    assert returns.next_due() == clock.now + 1
    returns.attempt_began(attempt(attempt=2))
    assert returns.next_due() is None


def test_retry_that_comes_after_the_schedule_to_close_timeout_does_not_come(
    returns: KnownReturns,
) -> None:
    closes = timedelta(seconds=0.5)
    returns.attempt_failed(attempt(schedule_to_close_timeout=closes), ValueError())
    assert returns.next_due() is None


def test_retry_that_another_worker_took_is_forgotten(returns: KnownReturns, clock: Clock) -> None:
    returns.attempt_failed(attempt(), ValueError())
    clock.now += 1 + OVERDUE
    assert returns.next_due() is None


def test_watched_runner_hands_everything_on_to_the_users(returns: KnownReturns) -> None:
    made = {
        watched: {name for name in vars(base) if not name.startswith("_")}
        for watched, base in (
            (returns.watch(UnsandboxedWorkflowRunner()), WorkflowRunner),
            (_WatchedInstance, WorkflowInstance),
        )
    }
    for watched, public in made.items():
        kind = watched if isinstance(watched, type) else type(watched)
        assert public <= vars(kind).keys(), kind
