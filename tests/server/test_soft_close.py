"""What a worker that closes waits for, and when it opens again."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import WorkflowHandle

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.deadline import Deadline
from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.worker import InvocationWorker
from tests.support.waiting import until

A_WHILE = 0.3
"""Seconds: much longer than a closing takes that waits for nothing, much shorter than overtime."""


@activity.defn
async def waits_to_be_cancelled() -> None:
    await asyncio.Event().wait()


@workflow.defn
class WaitsToEnd:
    def __init__(self) -> None:
        self._may_end = False

    @workflow.signal
    def end(self) -> None:
        self._may_end = True

    @workflow.run
    async def run(self, with_activity: bool) -> None:
        if with_activity:
            workflow.start_activity(
                waits_to_be_cancelled, start_to_close_timeout=timedelta(seconds=30)
            )
        await workflow.wait_condition(lambda: self._may_end)


def only_overtime() -> Budget:
    """A budget whose work and soft close are over, with plenty of overtime."""
    deadline = Deadline(time.monotonic() + 100.0)
    budget = Budget.share(deadline, timedelta(seconds=100), timedelta(seconds=5))
    assert budget.overtime_left() > 20.0
    return budget


@asynccontextmanager
async def with_unfinished_workflow(
    stack: LocalStack, *, with_activity: bool = False
) -> AsyncIterator[tuple[InvocationWorker, WorkflowHandle[Any, Any]]]:
    """A worker that has a workflow in its cache which waits."""
    queue = f"soft-close-{uuid.uuid4().hex[:8]}"
    config = LambdaWorkerConfig(
        worker_config={
            "task_queue": queue,
            "workflows": [WaitsToEnd],
            "activities": [waits_to_be_cancelled],
        }
    )
    budget = only_overtime()
    worker = InvocationWorker(config, budget)
    worker.start(stack.client)
    handle = await stack.client.start_workflow(
        WaitsToEnd.run, with_activity, id=queue, task_queue=queue
    )
    await until(lambda: worker.slots.tasks["workflow"])
    await until(lambda: len(worker.activities.describe()) == with_activity)
    await until(lambda: worker.slots.in_flight == with_activity)
    try:
        yield worker, handle
    finally:
        await worker.drain(budget.close(), asyncio.get_running_loop().create_future())
        assert not worker.stuck


async def is_over_soon(closing: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait({closing}, timeout=A_WHILE)
    return bool(done)


async def test_overtime_is_for_workflows_whose_next_task_may_come_any_moment(
    stack: LocalStack,
) -> None:
    async with with_unfinished_workflow(stack) as (worker, handle):
        closing = asyncio.create_task(worker.close_softly(awaited=False))
        assert not await is_over_soon(closing)
        await handle.signal(WaitsToEnd.end)
        await handle.result()
        # It was this worker that went on with it.
        assert worker.slots.tasks["workflow"] == 2
        closing.cancel()


async def test_there_is_no_overtime_while_an_activity_needs_the_drain(stack: LocalStack) -> None:
    async with with_unfinished_workflow(stack, with_activity=True) as (worker, handle):
        assert await is_over_soon(asyncio.create_task(worker.close_softly(awaited=False)))
        await handle.terminate()


async def test_there_is_no_overtime_while_somebody_waits_for_a_result(stack: LocalStack) -> None:
    async with with_unfinished_workflow(stack) as (worker, handle):
        assert await is_over_soon(asyncio.create_task(worker.close_softly(awaited=True)))
        await handle.terminate()


@pytest.mark.parametrize("closed", [False, True])
async def test_task_that_calls_an_idle_exit_off_opens_the_worker_unless_its_time_is_over(
    closed: bool,
) -> None:
    now = time.monotonic()
    budget = Budget.share(Deadline(now + 60), timedelta(seconds=7), timedelta(seconds=5))
    if closed:
        budget = budget._replace(work_end=now)
    worker = InvocationWorker(LambdaWorkerConfig(), budget)
    idle = asyncio.create_task(worker.stays_idle())
    await asyncio.sleep(0)
    worker.slots.begin("workflow")
    assert not await idle
    assert worker.slots.refuses_polls is closed
