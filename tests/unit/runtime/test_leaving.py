"""When an invocation leaves whose idle timeout is left to us."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from temporal_lambda.runtime.leaving import (
    CALLER_WINDOW,
    COOL_OFF,
    FIRST_POLLS,
    LAST_WORK,
    LEAST_SETTLE,
    MOST_SETTLE,
    PARTITION_PAUSE,
    UNKNOWN,
    WITHOUT_TASKS,
    WORTH_WAITING,
)
from temporal_lambda.tracking.arrivals import COMING_BACK, LEAST_GAPS, SLACK, Arrivals
from temporal_lambda.tracking.returns import GUARD, OVERDUE
from tests.support.activations import activation, asks, completion
from tests.support.resting_worker import Worker


def test_it_leaves_as_soon_as_no_more_of_the_work_is_on_its_way() -> None:
    worker = Worker().polls().works()
    assert worker.stays == pytest.approx(LEAST_SETTLE)
    worker.clock.now += LEAST_SETTLE
    assert worker.stays == 0


def test_it_does_not_leave_before_its_first_poll_is_open() -> None:
    worker = Worker()
    worker.clock.now += 30
    assert worker.stays > 0


def test_it_does_not_leave_while_something_is_in_flight() -> None:
    worker = Worker().polls()
    worker.slots.begin("activity")
    worker.clock.now += 30
    assert worker.stays > 0


def test_it_has_patience_if_no_task_has_come_at_all() -> None:
    assert Worker().polls().stays == pytest.approx(WITHOUT_TASKS, abs=0.1)


def test_it_lets_the_server_register_a_version_that_may_be_new() -> None:
    assert Worker(cold=True).polls().stays == pytest.approx(FIRST_POLLS, abs=0.1)


def test_it_does_not_leave_while_the_controller_would_not_come_back() -> None:
    worker = Worker().polls().works(0.01)
    worker.clock.now += LEAST_SETTLE
    assert worker.stays == pytest.approx(COOL_OFF - 0.011 - LEAST_SETTLE)


def test_it_stays_for_a_second_workflow_while_nothing_is_known_of_their_gaps() -> None:
    worker = Worker(arrivals=Arrivals()).polls().works()
    assert worker.stays == pytest.approx(LEAST_SETTLE + UNKNOWN)
    worker.clock.now += LEAST_SETTLE + UNKNOWN
    assert worker.stays == 0


def test_it_settles_for_longer_where_the_server_is_far_away() -> None:
    assert Worker(round_trip=0.06).polls().works().stays == pytest.approx(0.12)
    assert Worker(round_trip=9).polls().works().stays == pytest.approx(MOST_SETTLE)


@pytest.mark.parametrize("due", [0.1, WORTH_WAITING - 0.01])
def test_what_comes_back_soon_is_waited_for_until_it_comes(due: float) -> None:
    worker = Worker().polls()
    worker.returns.workflow_advanced(
        activation(), completion(starts=(1, COOL_OFF + LEAST_SETTLE + due))
    )
    worker.works()
    worker.clock.now += LEAST_SETTLE
    assert worker.stays > 0
    worker.clock.now += due + OVERDUE / 2
    assert worker.stays > 0
    worker.returns.workflow_advanced(activation(fires=1), completion())
    assert worker.stays == 0


@pytest.mark.parametrize("due", [WORTH_WAITING + 0.01, 1.0, 60.0])
def test_what_comes_back_later_is_left_to_the_controller(due: float) -> None:
    worker = Worker().polls()
    worker.returns.workflow_advanced(
        activation(), completion(starts=(1, COOL_OFF + LEAST_SETTLE + due))
    )
    worker.works()
    worker.clock.now += LEAST_SETTLE
    assert worker.stays == 0
    assert due > GUARD


def test_retry_of_an_activity_counts_as_coming_back() -> None:
    worker = Worker().polls().works()
    info = ActivityEnvironment.default_info()
    worker.returns.attempt_failed(
        dataclasses.replace(info, schedule_to_close_timeout=None), ValueError()
    )
    worker.clock.now += LEAST_SETTLE
    assert worker.stays == 0
    worker.clock.now += 1 - LEAST_SETTLE - GUARD
    assert worker.stays > 0


def test_what_others_do_is_waited_for_as_long_as_coming_back_costs() -> None:
    worker = Worker().polls().works()
    worker.returns.workflow_advanced(activation(), asks("schedule_activity"))
    assert worker.stays == pytest.approx(LEAST_SETTLE + COMING_BACK)
    worker.clock.now += LEAST_SETTLE + COMING_BACK
    assert worker.stays == 0


@pytest.mark.parametrize(("gap", "until"), [(5, PARTITION_PAUSE), (60, COOL_OFF + LEAST_SETTLE)])
def test_it_stays_while_a_task_would_call_nobody_unless_none_is_to_be_expected(
    gap: float, until: float
) -> None:
    first = Worker().polls().works()
    arriving(first, gap)
    worker = Worker(arrivals=first.arrivals).polls().works(COOL_OFF - 0.001)
    assert worker.stays == pytest.approx(until - COOL_OFF)


def arriving(worker: Worker, gap: float) -> Worker:
    for _ in range(LEAST_GAPS):
        worker.clock.now += gap
        worker.works()
    return worker


def test_frequent_arrivals_are_waited_for() -> None:
    worker = arriving(Worker().polls().works(), LEAST_SETTLE + 0.1)
    assert worker.stays == pytest.approx(LEAST_SETTLE + 0.1 + SLACK)


def test_rare_arrivals_are_not_waited_for() -> None:
    assert arriving(Worker().polls().works(), 5).stays == pytest.approx(LEAST_SETTLE)


ONE_A_SECOND = [0.2, 0.4, 0.7, 1.0, 2.7]


def among_random_arrivals(**options: Any) -> Worker:
    """A worker that has seen about one arrival a second, and would leave but for that."""
    worker = Worker(**options).polls().works()
    for gap in ONE_A_SECOND:
        worker.clock.now += LEAST_SETTLE + gap
        worker.works()
    worker.clock.now += LEAST_SETTLE
    return worker


def test_the_next_arrival_is_the_last_where_a_closing_would_risk_to_lose_it() -> None:
    worker = among_random_arrivals()
    assert worker.arrivals.worth_waiting() == 0
    assert worker.stays > 0
    assert worker.slots.refuses("workflow")
    assert not worker.slots.refuses("activity")
    worker.slots.poll_ended("workflow")
    worker.works(0.1)
    assert worker.stays == pytest.approx(LEAST_SETTLE)
    worker.clock.now += LEAST_SETTLE
    assert worker.stays == 0


def test_the_last_arrival_is_not_waited_for_when_the_risk_is_over() -> None:
    worker = among_random_arrivals()
    worker.clock.now += max(ONE_A_SECOND) + SLACK
    assert worker.stays == 0


def test_polls_are_opened_again_if_the_last_work_takes_long() -> None:
    worker = among_random_arrivals()
    assert worker.stays
    worker.slots.poll_ended("workflow")
    worker.slots.begin("activity")
    worker.clock.now += LAST_WORK
    assert worker.stays
    assert worker.slots.refuses_polls
    worker.clock.now += 0.01
    assert worker.stays
    assert not worker.slots.refuses_polls


def test_worker_whose_polls_bring_nothing_of_what_arrives_leaves_at_once() -> None:
    worker = among_random_arrivals()
    worker.slots.poll_ended("workflow")
    worker.slots.poll_opened("activity")
    assert worker.stays == 0


async def test_wait_that_begins_anew_polls_for_all_again() -> None:
    worker = among_random_arrivals()
    assert worker.stays
    worker.clock.now += max(ONE_A_SECOND) + SLACK
    await worker.leaving.wait()
    assert not worker.slots.refuses_polls


def test_gap_across_invocations_is_one_too() -> None:
    first = Worker().polls().works()
    for _ in range(LEAST_GAPS):
        first.leaving.leave()
        after = Worker(arrivals=first.arrivals)
        # What was on the way for 0.1 s and then waited for the start came 0.1 s after the rest.
        first.clock.now += LEAST_SETTLE + 0.1 + 0.1 + 0.001
        after.polls().works()
    assert first.arrivals.worth_waiting() == pytest.approx(0.1 + SLACK)


def test_timer_that_brings_an_invocation_back_is_no_arrival() -> None:
    worker = Worker().polls().works()
    for _ in range(LEAST_GAPS):
        worker.returns.workflow_advanced(activation(), completion(starts=(1, 0.2)))
        worker.clock.now += 0.2
        worker.works()
    assert worker.arrivals.worth_waiting() == 0


def test_next_task_of_own_work_is_no_arrival_however_late_it_comes() -> None:
    worker = Worker().polls().works()
    worker.returns.workflow_advanced(activation(), asks("schedule_activity"))
    for _ in range(LEAST_GAPS):
        worker.clock.now += LEAST_SETTLE + 0.05
        worker.works(kind="activity")
    assert worker.arrivals.worth_waiting() == 0
    assert worker.arrivals.kinds == frozenset()


def test_polls_for_activities_are_the_last_ones_where_only_activities_arrive() -> None:
    worker = Worker().polls().works(kind="activity")
    worker.slots.poll_opened("activity")
    for gap in ONE_A_SECOND:
        worker.clock.now += LEAST_SETTLE + gap
        worker.works(kind="activity")
    worker.clock.now += LEAST_SETTLE
    assert worker.stays > 0
    assert worker.slots.refuses("activity")
    assert not worker.slots.refuses("workflow")


def query(worker: Worker) -> None:
    asked = activation()
    asked.jobs.add().query_workflow.query_type = "count"
    worker.returns.workflow_advanced(asked, completion())


@pytest.mark.parametrize("kind", ["query", "nexus"])
def test_worker_that_is_called_stays_until_the_server_would_call_again(kind: str) -> None:
    worker = Worker().polls().works(kind="nexus" if kind == "nexus" else "workflow")
    if kind == "query":
        query(worker)
    assert worker.stays == pytest.approx(CALLER_WINDOW)
    worker.clock.now += CALLER_WINDOW
    assert worker.stays == 0


def test_worker_that_is_called_need_not_stay_where_the_server_fans_out() -> None:
    worker = Worker(fans_out=True).polls().works()
    query(worker)
    assert worker.stays == pytest.approx(LEAST_SETTLE)


async def test_wait_ends_when_it_is_time_to_leave() -> None:
    worker = Worker().polls().works()
    worker.clock.now += LEAST_SETTLE
    await worker.leaving.wait()
