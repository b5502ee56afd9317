"""Hooks and teardown: each runs once, in order, bounded."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda.deadline import Deadline
from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.closing_steps import RESERVE, ClosingSteps
from temporal_lambda.runtime.lifeline import LeftBehind, Lifeline


def steps_with(seconds: float) -> tuple[ClosingSteps, InvocationReport]:
    """Steps that have about so many seconds in all."""
    report = InvocationReport(None, cold=False)
    deadline = Deadline(time.monotonic() + seconds + 0.5)
    budget = Budget.share(deadline, timedelta(seconds=seconds + 2), timedelta())
    return ClosingSteps(budget.close(), report), report


async def run(steps: ClosingSteps) -> None:
    await steps.run(Lifeline(math.inf, time.monotonic))


async def test_steps_run_in_order_whether_they_await_or_not() -> None:
    steps, report = steps_with(5)
    ran: list[str] = []

    async def coroutine() -> None:
        ran.append("coroutine")

    def returns_a_task() -> asyncio.Task[None]:
        return asyncio.create_task(coroutine())

    steps.add("hook", "function", lambda: ran.append("function"))
    steps.add("hook", "coroutine", coroutine)
    steps.add("hook", "task", returns_a_task)
    await run(steps)
    assert ran == ["function", "coroutine", "coroutine"]
    assert report.errors == []
    assert report.abandoned == []


async def test_step_that_raises_is_reported_and_the_next_one_runs() -> None:
    steps, report = steps_with(5)
    ran: list[str] = []

    def fails() -> None:
        raise ValueError("broke")

    steps.add("hook", "fails", fails)
    steps.add("hook", "next", lambda: ran.append("next"))
    await run(steps)
    assert ran == ["next"]
    assert report.errors == ["hook fails: ValueError: broke"]
    assert steps.teardown_error is None


async def test_error_of_the_teardown_is_kept_for_the_handler() -> None:
    steps, _ = steps_with(5)

    def fails() -> None:
        raise ValueError("broke")

    steps.add("teardown", "configure callback", fails)
    await run(steps)
    assert isinstance(steps.teardown_error, ValueError)


async def test_step_that_hangs_is_abandoned_with_time_left_for_the_next() -> None:
    steps, report = steps_with(0.2)
    ran: list[str] = []
    steps.add("hook", "hangs", asyncio.Event().wait)
    steps.add("hook", "next", lambda: ran.append("next"))
    await run(steps)
    assert ran == ["next"]
    assert report.abandoned == [{"hook": "hangs"}]


async def test_hurry_cuts_the_running_step_short() -> None:
    steps, report = steps_with(50)
    steps.add("hook", "hangs", asyncio.Event().wait)
    running = asyncio.create_task(run(steps))
    await asyncio.sleep(0)
    steps.interrupt()
    await asyncio.wait_for(running, 5)
    assert report.abandoned == [{"hook": "hangs"}]


async def test_step_knows_how_long_it_may_take() -> None:
    steps, _ = steps_with(4)
    left: list[Any] = []
    for name in ("first", "second"):
        steps.add("hook", name, lambda: left.append(steps.step_left()))
    await run(steps)
    assert left == [pytest.approx(3.75, abs=0.2), pytest.approx(4, abs=0.2)]


async def test_long_step_gets_all_that_the_short_ones_do_not_need() -> None:
    steps, report = steps_with(1)
    ran: list[str] = []
    steps.add("hook", "flush", lambda: asyncio.sleep(0.5))
    for name in ("second", "third", "fourth"):
        steps.add("hook", name, lambda: ran.append("short"))
    await run(steps)
    assert report.abandoned == []
    assert ran == ["short"] * 3


async def test_step_that_hangs_leaves_the_reserve_of_those_behind_it() -> None:
    steps, report = steps_with(0.8)
    left: list[float] = []
    steps.add("hook", "hangs", asyncio.Event().wait)
    for name in ("second", "third"):
        steps.add("hook", name, lambda: left.append(steps.step_left()))
    await run(steps)
    assert report.abandoned == [{"hook": "hangs"}]
    assert len(left) == 2
    assert min(left) > RESERVE


async def test_step_that_may_not_take_long_does_not_although_there_is_time() -> None:
    steps, report = steps_with(30)
    steps.add("hand-back", "activities", asyncio.Event().wait, longest=0.05)
    await asyncio.wait_for(run(steps), 5)
    assert report.abandoned == [{"hand-back": "activities"}]


async def test_step_whose_turn_comes_when_the_loop_was_left_behind_is_left_for_the_next_loop() -> (
    None
):
    steps, report = steps_with(5)
    ran: list[str] = []
    for name in ("first", "second"):
        steps.add("hook", name, functools.partial(ran.append, name))
    left_behind = Lifeline(time.monotonic() - 60, time.monotonic)
    assert left_behind.cut_if_overdue()
    with pytest.raises(LeftBehind):
        await steps.run(left_behind)
    await run(steps)
    assert ran == ["first", "second"]
    assert report.abandoned == []
