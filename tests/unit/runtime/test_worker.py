"""A worker before it polls: what it says of itself, and how it decides to close."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.deadline import Deadline
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.leaving import LEAST_SETTLE, UNKNOWN
from temporal_lambda.runtime.worker import InvocationWorker
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def worker(clock: Clock, seconds: float = 60, **worker_config: Any) -> InvocationWorker:
    deadline = Deadline(clock.now + seconds, clock)
    budget = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5))
    return InvocationWorker(LambdaWorkerConfig(worker_config=worker_config), budget)  # type: ignore[arg-type]  # keyword arguments of any worker


def test_it_describes_what_it_serves_by_name(clock: Clock) -> None:
    @activity.defn
    def resize() -> None: ...

    described = worker(clock, task_queue="q", activities=[resize]).describe()
    assert described == {"task_queue": "q", "workflows": [], "activities": ["resize"]}


def test_one_that_never_polled_has_not_started_and_does_not_poll(clock: Clock) -> None:
    made = worker(clock)
    assert not made.started
    assert not made.counted


async def test_one_that_never_polled_is_drained_at_once(clock: Clock) -> None:
    hurry: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    made = worker(clock)
    assert await made.drain(made._budget.close(), hurry) is None
    assert not made.stuck


async def test_quiet_of_a_second_needs_no_more_waiting(clock: Clock) -> None:
    made = worker(clock)
    made.slots.poll_opened("workflow")
    clock.now += 1.0
    assert await made.stays_idle()
    assert not made.slots.refuses_polls


async def test_one_that_decides_by_itself_needs_no_second_of_quiet(clock: Clock) -> None:
    made = worker(clock)
    made._config.idle_timeout = "auto"
    made.leaving.started()
    made.slots.poll_opened("workflow")
    made.slots.begin("workflow")
    clock.now += 0.2
    made.slots.end()
    assert not await made.stays_idle()
    clock.now += LEAST_SETTLE + UNKNOWN
    assert await made.stays_idle()
    assert not made.slots.refuses_polls


async def test_task_that_comes_while_it_closes_calls_the_idle_exit_off(clock: Clock) -> None:
    made = worker(clock)
    made.slots.poll_opened("workflow")
    closing = asyncio.create_task(made.stays_idle())
    await asyncio.sleep(0)
    assert made.slots.refuses_polls
    made.slots.begin("workflow")
    assert not await closing
    assert not made.slots.refuses_polls


async def test_task_that_comes_when_its_time_is_over_leaves_it_closed(clock: Clock) -> None:
    made = worker(clock, seconds=8)
    made.slots.poll_opened("workflow")
    clock.now += 0.8
    closing = asyncio.create_task(made.stays_idle())
    await asyncio.sleep(0)
    made.slots.begin("workflow")
    assert not await closing
    assert made.slots.refuses_polls
