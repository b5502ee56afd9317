"""The promise of a next sign of life, from both ends."""

from __future__ import annotations

import math
import threading

import pytest

from temporal_lambda.runtime.lifeline import LATENESS, SLACK, LeftBehind, Lifeline
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_promise_is_broken_when_its_moment_and_the_slack_are_over(clock: Clock) -> None:
    line = Lifeline(clock.now + 5, clock)
    clock.now += 5 + SLACK
    assert not line.wait()


def test_what_has_finished_is_never_overdue(clock: Clock) -> None:
    line = Lifeline(clock.now, clock)
    clock.now += 60
    line.finish()
    assert line.wait()
    assert not line.cut_if_overdue()


def test_watcher_is_woken_by_the_end(clock: Clock) -> None:
    line = Lifeline(math.inf, clock)
    threading.Timer(0.01, line.finish).start()
    assert line.wait()


def test_late_loop_gets_a_moment_more_once_per_promise(clock: Clock) -> None:
    line = Lifeline(clock.now, clock)
    clock.now += 1
    assert line.extend()
    assert not line.cut_if_overdue()
    clock.now += LATENESS
    assert not line.extend()
    line.expect(clock.now)
    assert line.extend()


def test_promise_kept_at_the_last_moment_saves_the_loop(clock: Clock) -> None:
    line = Lifeline(clock.now, clock)
    clock.now += 1
    assert not line.wait()
    line.expect(clock.now + 5)
    assert not line.cut_if_overdue()
    line.check()


def test_loop_that_was_left_behind_can_promise_nothing_more(clock: Clock) -> None:
    line = Lifeline(clock.now, clock)
    clock.now += 1
    assert line.cut_if_overdue()
    with pytest.raises(LeftBehind):
        line.check()
    with pytest.raises(LeftBehind):
        line.expect(clock.now + 5)


def test_hurry_brings_a_promise_forward_and_never_back(clock: Clock) -> None:
    line = Lifeline(clock.now + 50, clock)
    line.hurry(clock.now + 1)
    line.hurry(clock.now + 70)
    clock.now += 1 + SLACK
    assert line.cut_if_overdue()
