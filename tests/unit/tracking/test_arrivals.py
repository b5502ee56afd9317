"""What an environment learns of the gaps between arrivals, and what it makes of that."""

from __future__ import annotations

import math
import random

import pytest

from temporal_lambda.tracking.arrivals import (
    ACCEPTED_RISK,
    CALLERS_REMEMBERED,
    COMING_BACK,
    ENOUGH_GAPS,
    GAPS_KEPT,
    LEAST_GAPS,
    LOSS_WINDOW,
    SLACK,
    Arrivals,
)
from tests.support.clock import Clock

SETTLE = 0.05


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrivals(clock: Clock) -> Arrivals:
    return Arrivals(clock)


def arrive(arrivals: Arrivals, clock: Clock, *gaps: float, known: bool = False) -> None:
    """Let tasks arrive after so many seconds beyond the settle time, one after the other."""
    for gap in gaps:
        arrivals.rested()
        clock.now += SETTLE + gap
        arrivals.came(settle=SETTLE, known=known)


def at_random(rate: float) -> list[float]:
    randomness = random.Random(5)
    return [randomness.expovariate(rate) for _ in range(GAPS_KEPT)]


def test_nothing_is_worth_waiting_for_before_anything_is_known(
    arrivals: Arrivals, clock: Clock
) -> None:
    assert arrivals.worth_waiting() == 0
    arrive(arrivals, clock, *[0.01] * (LEAST_GAPS - 1))
    assert arrivals.worth_waiting() == 0


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.8])
def test_rare_arrivals_are_not_waited_for(rate: float, arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, *at_random(rate))
    assert arrivals.worth_waiting() == 0


def test_frequent_arrivals_are_waited_for(arrivals: Arrivals, clock: Clock) -> None:
    gaps = at_random(10)
    arrive(arrivals, clock, *gaps)
    assert COMING_BACK / 2 < arrivals.worth_waiting() <= max(gaps) + SLACK + 1e-6


def test_regular_arrivals_are_waited_for_with_some_slack(arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, *[0.1] * 5)
    assert arrivals.worth_waiting() == pytest.approx(0.1 + SLACK)


def test_gap_between_bursts_is_not_waited_for(arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, *([0.1] * 9 + [300.0]) * 3)
    assert arrivals.worth_waiting() == pytest.approx(0.1 + SLACK)


def test_what_has_changed_is_forgotten(arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, *[0.1] * GAPS_KEPT)
    assert arrivals.worth_waiting() > 0
    arrive(arrivals, clock, *[50.0] * GAPS_KEPT)
    assert arrivals.worth_waiting() == 0


def test_next_task_of_the_same_work_is_no_arrival(arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, *[-0.01] * 10)
    assert arrivals.worth_waiting() == 0


def test_what_was_known_to_come_back_is_no_arrival_and_ends_no_gap(
    arrivals: Arrivals, clock: Clock
) -> None:
    for _ in range(LEAST_GAPS):
        arrive(arrivals, clock, 0.05, known=True)
        arrive(arrivals, clock, 0.05)
    assert arrivals.worth_waiting() == pytest.approx(0.1 + SLACK)


def test_what_an_earlier_invocation_knew_of_is_no_arrival(arrivals: Arrivals, clock: Clock) -> None:
    for _ in range(LEAST_GAPS):
        arrivals.left([clock.now + 0.1])
        arrive(arrivals, clock, 0.1)
    assert arrivals.worth_waiting() == 0


def test_time_that_a_task_has_waited_for_its_invocation_is_no_part_of_the_gap(
    arrivals: Arrivals, clock: Clock
) -> None:
    for _ in range(LEAST_GAPS):
        arrivals.rested()
        clock.now += SETTLE + 0.2
        arrivals.came(settle=SETTLE, late=0.1)
    assert arrivals.worth_waiting() == pytest.approx(0.1 + SLACK)


def test_wall_clock_that_was_set_back_does_no_harm(arrivals: Arrivals, clock: Clock) -> None:
    arrivals.rested()
    clock.now -= 3600
    arrivals.came(settle=SETTLE)
    assert arrivals.worth_waiting() == 0


def test_closing_among_rare_arrivals_is_harmless_at_once(arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, *at_random(0.02))
    assert arrivals.harmless_after() == 0


@pytest.mark.parametrize("rate", [0.8, 2, 5, 50])
def test_closing_among_frequent_arrivals_is_harmless_when_most_would_have_come(
    rate: float, arrivals: Arrivals, clock: Clock
) -> None:
    arrive(arrivals, clock, *at_random(rate))
    beyond = arrivals.harmless_after() - arrivals.worth_waiting()
    nobody_comes = math.exp(-rate * beyond)
    # The rate is known from 32 gaps only.
    assert nobody_comes * rate * LOSS_WINDOW == pytest.approx(ACCEPTED_RISK, rel=0.5)


def test_closing_between_regular_arrivals_is_harmless_at_once(
    arrivals: Arrivals, clock: Clock
) -> None:
    arrive(arrivals, clock, *[2.0] * ENOUGH_GAPS)
    assert arrivals.harmless_after() == 0


def test_closing_between_bursts_is_harmless_when_they_are_over(
    arrivals: Arrivals, clock: Clock
) -> None:
    arrive(arrivals, clock, *([0.1] * 9 + [300.0]) * 3)
    assert arrivals.harmless_after() == arrivals.worth_waiting()


def test_closing_of_which_nothing_is_known_is_taken_to_be_harmless(arrivals: Arrivals) -> None:
    assert arrivals.harmless_after() == 0


def test_risk_is_taken_from_the_first_gap_on(arrivals: Arrivals, clock: Clock) -> None:
    arrive(arrivals, clock, 1.0)
    assert arrivals.worth_waiting() == 0
    assert arrivals.harmless_after() > 1


def test_kinds_of_what_came_are_kept_as_long_as_its_gaps(arrivals: Arrivals, clock: Clock) -> None:
    assert arrivals.kinds == frozenset()
    arrivals.rested()
    clock.now += 1
    arrivals.came(settle=SETTLE, kind="activity")
    assert arrivals.kinds == {"activity"}
    arrive(arrivals, clock, *[1.0] * GAPS_KEPT)
    assert arrivals.kinds == {"workflow"}


def test_expectation_goes_by_the_average_so_far(arrivals: Arrivals, clock: Clock) -> None:
    assert arrivals.expected_within(5) == 0
    arrive(arrivals, clock, 10, 30)
    assert arrivals.expected_within(5) == pytest.approx(5 * 2 / 40)
    arrive(arrivals, clock, 60, known=True)
    assert arrivals.expected_within(5) == pytest.approx(5 * 2 / 100)


def test_callers_are_expected_for_a_while_after_the_last(arrivals: Arrivals, clock: Clock) -> None:
    assert not arrivals.expects_callers
    arrivals.called()
    assert arrivals.expects_callers
    clock.now += CALLERS_REMEMBERED
    assert not arrivals.expects_callers
