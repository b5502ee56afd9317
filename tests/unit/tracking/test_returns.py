"""Which tasks will come back to a worker, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowRunner

from temporal_lambda.tracking.returns import GUARD, OVERDUE, KnownReturns
from temporal_lambda.tracking.watched_runner import WatchedInstance
from tests.support.activations import WALL, activation, attempt, completion, fails
from tests.support.clock import Clock


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


def test_query_is_told_of(clock: Clock) -> None:
    told: list[str] = []
    returns = KnownReturns(clock, queried=lambda: told.append("queried"))
    asked = activation()
    asked.jobs.add().query_workflow.query_type = "count"
    returns.workflow_advanced(asked, completion())
    assert told == ["queried"]


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
            (WatchedInstance, WorkflowInstance),
        )
    }
    for watched, public in made.items():
        kind = watched if isinstance(watched, type) else type(watched)
        assert public <= vars(kind).keys(), kind
