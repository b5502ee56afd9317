"""How the deadline is shared out."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from temporal_lambda.deadline import Deadline
from temporal_lambda.runtime.budget import MARGIN, Budget
from tests.support.clock import Clock


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def budget(clock: Clock, total: float, buffer: float = 7.0, graceful: float = 5.0) -> Budget:
    deadline = Deadline(clock.now + total, clock)
    return Budget.share(deadline, timedelta(seconds=buffer), timedelta(seconds=graceful))


def test_deadline_is_read_from_the_context_once() -> None:
    clock = Clock()
    deadline = Deadline.of(Context(), clock)
    clock.now += 10
    assert deadline.remaining() == 50.0


def test_context_without_remaining_time_has_no_deadline() -> None:
    assert Deadline.of(object()).remaining() == math.inf
    assert Deadline.of(None).remaining() == math.inf


def test_work_ends_a_soft_close_and_a_buffer_before_the_deadline() -> None:
    clock = Clock()
    shares = budget(clock, 60)
    assert shares.work_left() == 52.0
    assert shares.soft_close_left() == 1.0
    clock.now += 52.5
    assert shares.work_left() == 0.0
    assert shares.soft_close_left() == 0.5
    clock.now += 5
    assert shares.soft_close_left() == 0.0


def test_soft_close_may_use_up_what_the_drain_has_to_spare() -> None:
    clock = Clock()
    shares = budget(clock, 60)
    assert shares.overtime_left() == 0.25
    clock.now += 53.125
    assert shares.overtime_left() == 0.125
    closing = shares.close()
    # Still the graceful timeout, and the time to react to the cancellation that follows.
    assert closing.drain_left() >= 5.25
    clock.now += 0.5
    assert shares.overtime_left() == 0.0


def test_drain_without_slack_leaves_no_overtime() -> None:
    assert budget(Clock(), 60, buffer=5.5).overtime_left() == 0.0
    assert budget(Clock(), 60).hurry(0.5).overtime_left() == 0.0


def test_soft_close_is_short_when_somebody_waits_for_a_result() -> None:
    shares = budget(Clock(), 60)
    assert shares.soft_close_left(awaited=True) == 0.25
    assert shares.hurry(0.5).soft_close_left(awaited=True) == 0.0


def test_closing_because_of_idleness_may_take_what_work_might_have_taken() -> None:
    shares = budget(Clock(), 20)
    assert shares.idle_close_left() == 13.0
    assert shares.hurry(0.5).idle_close_left() == 0.0


@pytest.mark.parametrize(("seconds", "soft_close"), [(3, 1 / 3), (7, 1.0), (900, 1.0), (1, 0.0)])
def test_soft_close_takes_a_third_of_a_short_working_time_at_most(
    seconds: float, soft_close: float
) -> None:
    clock = Clock()
    deadline = Deadline(clock.now + seconds, clock)
    shares = Budget.share(deadline, timedelta(seconds=2), timedelta(seconds=1))
    assert shares.soft_close_left() == pytest.approx(soft_close)


def test_defaults_give_the_drain_half_a_second_beyond_the_graceful_timeout() -> None:
    clock = Clock()
    closing = budget(clock, 7).close()
    assert closing.drain_left() == 5.5
    assert closing.hooks_left() == 6.5


def test_early_shutdown_takes_no_longer_than_one_at_the_deadline() -> None:
    clock = Clock()
    closing = budget(clock, 900).close()
    assert closing.drain_left() == 5.5
    assert closing.hooks_left() == 6.5


def test_shutdown_without_deadline_is_bounded_by_the_buffer() -> None:
    shares = budget(Clock(), math.inf)
    assert shares.work_left() == math.inf
    assert shares.close().drain_left() == 5.5
    assert shares.close().hooks_left() == 6.5


@pytest.mark.parametrize("total", [0.0, 0.2, 1.0, 3.0, 7.0, 900.0])
@pytest.mark.parametrize(("buffer", "graceful"), [(7.0, 5.0), (5.0, 5.0), (1.0, 0.5), (0.0, 0.0)])
def test_phases_never_overrun_the_deadline_nor_run_backwards(
    total: float, buffer: float, graceful: float
) -> None:
    clock = Clock()
    shares = budget(clock, total, buffer, graceful)
    closing = shares.close()
    assert clock.now <= closing.drain_end <= closing.hooks_end <= clock.now + total
    assert 0 <= shares.setup_left() <= total


def test_handler_is_back_a_margin_before_the_deadline() -> None:
    clock = Clock()
    shares = budget(clock, 7)
    assert shares.deadline.at - shares.close().hooks_end >= MARGIN


def test_buffer_that_equals_the_graceful_timeout_still_leaves_time_for_hooks() -> None:
    closing = budget(Clock(), 5, buffer=5.0, graceful=5.0).close()
    assert closing.hooks_left() - closing.drain_left() >= 0.5


@pytest.mark.parametrize(("buffer", "fits"), [(7.0, 5.0), (5.0, 3.75), (6.0, 4.75), (8.0, 5.0)])
def test_graceful_timeout_leaves_cancelled_activities_time_to_react_within_the_drain(
    buffer: float, fits: float
) -> None:
    clock = Clock()
    shares = budget(clock, 60, buffer=buffer, graceful=5.0)
    assert shares.fitting_graceful_timeout == fits
    assert shares.close().drain_left() - fits >= 0.25


def test_settings_are_shared_out_in_seconds() -> None:
    shares = Budget.share(Deadline(), timedelta(seconds=3), timedelta(milliseconds=500))
    assert (shares.buffer, shares.graceful_timeout) == (3.0, 0.5)


def test_worker_that_cant_close_softly_works_until_the_buffer_begins() -> None:
    deadline = Deadline(160.0, lambda: 100.0)
    shares = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5), closes_softly=False)
    assert shares.work_left() == 53.0
    assert shares.soft_close_left() == 0.0
