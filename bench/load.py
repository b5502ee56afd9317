"""Workflows of one activity, and how long they take."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable
from typing import NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

from bench import workers
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed

Handle = WorkflowHandle[object, object]


async def start(
    stack: LocalStack,
    task_queue: str,
    seconds: float,
    *,
    activity: str = "pause",
    timeout: float = 10.0,
) -> Handle:
    """Start one workflow.

    Args:
        stack: Its server.
        task_queue: Where its tasks go.
        seconds: How long its activity takes.
        activity: Which one of ``functions/activities.py``.
        timeout: The activity's start-to-close timeout, seconds.
    """
    return await stack.client.start_workflow(
        "OneActivity",
        args=[activity, seconds, timeout],
        id=f"{task_queue}-{uuid.uuid4().hex}",
        task_queue=task_queue,
    )


class Run(NamedTuple):
    """A workflow that has completed, and how long it took in seconds."""

    handle: Handle
    seconds: float


async def execute(stack: LocalStack, deployed: Deployed, workflow: str, *arguments: object) -> Run:
    """Run one workflow of any kind."""
    begun = time.monotonic()
    handle: Handle = await stack.client.start_workflow(
        workflow,
        args=arguments,
        id=f"{deployed.task_queue}-{uuid.uuid4().hex}",
        task_queue=deployed.task_queue,
    )
    await handle.result()
    return Run(handle, time.monotonic() - begun)


async def run(stack: LocalStack, deployed: Deployed, seconds: float) -> Run:
    """Run one workflow."""
    begun = time.monotonic()
    handle = await start(stack, deployed.task_queue, seconds)
    await handle.result()
    return Run(handle, time.monotonic() - begun)


async def run_all(
    stack: LocalStack, deployed: Deployed, seconds: float, gaps: Iterable[float]
) -> list[Run]:
    """Run a workflow after each gap."""
    running = []
    for gap in gaps:
        await asyncio.sleep(gap)
        running.append(asyncio.create_task(run(stack, deployed, seconds)))
    return await asyncio.gather(*running)


async def warm_up(stack: LocalStack, deployed: Deployed, environments: int) -> None:
    """Have several environments, at rest: their cold starts would load the CPU in a measurement."""
    invoke = stack.service.invoke
    await asyncio.gather(*(invoke(deployed.function, b"{}") for _ in range(environments)))
    await workers.until_idle(stack, deployed.function.name)


async def lost_task(handle: Handle) -> bool:
    """Whether a task of a workflow was given to a worker and not heard of again."""
    history = await handle.fetch_history()
    return any(map(tells_of_a_loss, history.events))


def tells_of_a_loss(event: HistoryEvent) -> bool:
    """Whether an event of a history follows from a task that timed out in a worker's hands."""
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
        return True
    # An attempt that is followed by another one is in the history as that one's past only.
    started = event.activity_task_started_event_attributes
    return started.last_failure.HasField("timeout_failure_info")


async def closed_at(handle: Handle) -> float:
    """When the server closed a workflow, in seconds since the epoch."""
    description = await handle.describe()
    assert description.close_time
    return description.close_time.timestamp()
