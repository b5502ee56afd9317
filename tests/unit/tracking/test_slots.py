"""Tasks in flight are counted, and so is the time without any."""

from __future__ import annotations

import asyncio

import pytest

from temporal_lambda.tracking.slots import SlotCounter
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def counter(clock: Clock) -> SlotCounter:
    return SlotCounter(clock)


def test_busy_time_is_counted_once_for_tasks_side_by_side(
    clock: Clock, counter: SlotCounter
) -> None:
    counter.begin("workflow")
    clock.now = 1.0
    counter.begin("activity")
    clock.now = 3.0
    counter.end()
    clock.now = 4.0
    assert counter.busy_seconds == 4.0
    counter.end()
    clock.now = 10.0
    assert counter.busy_seconds == 4.0


def test_quiet_begins_with_the_first_poll_and_ends_with_a_task(
    clock: Clock, counter: SlotCounter
) -> None:
    clock.now = 5.0
    assert counter.quiet_seconds() == 0.0
    counter.poll_opened("workflow")
    clock.now = 7.0
    counter.poll_opened("workflow")
    assert counter.quiet_seconds() == 2.0
    counter.begin("nexus")
    assert counter.quiet_seconds() == 0.0
    clock.now = 8.0
    counter.end()
    clock.now = 8.5
    assert counter.quiet_seconds() == 0.5


async def test_waiting_until_quiet_waits_for_tasks_to_end(
    clock: Clock, counter: SlotCounter
) -> None:
    counter.poll_opened("workflow")
    counter.begin("activity")
    waiting = asyncio.create_task(counter.wait_until_quiet(0.01))
    clock.now = 100.0
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    counter.end()
    clock.now = 100.1
    await asyncio.wait_for(waiting, 2)


def test_working_time_is_that_since_the_last_pause(clock: Clock, counter: SlotCounter) -> None:
    assert counter.working_seconds() == 0
    counter.begin("workflow")
    clock.now += 1
    counter.begin("activity")
    counter.end()
    assert counter.working_seconds() == 1
    counter.end()
    assert counter.working_seconds() == 0


async def test_worker_that_expects_a_task_is_not_settled(
    clock: Clock, counter: SlotCounter
) -> None:
    expected = {"task"}
    clock.now = 1.0
    settled = asyncio.create_task(counter.wait_until_settled(100.0, lambda: bool(expected)))
    done, _ = await asyncio.wait({settled}, timeout=0.05)
    assert not done
    expected.clear()
    await asyncio.wait_for(settled, 1)


async def test_task_that_is_under_way_already_calls_the_closing_off(
    clock: Clock, counter: SlotCounter
) -> None:
    counter.begin("activity")
    assert await asyncio.wait_for(counter.stays_quiet(1.0), 1) is False
