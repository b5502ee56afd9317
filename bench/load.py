"""Workflows of one activity, and how long they take."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable

from temporalio.client import WorkflowHandle

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


async def run(stack: LocalStack, deployed: Deployed, seconds: float) -> float:
    """Run one workflow; how long it took, in seconds."""
    begun = time.monotonic()
    handle = await start(stack, deployed.task_queue, seconds)
    await handle.result()
    return time.monotonic() - begun


async def run_all(
    stack: LocalStack, deployed: Deployed, seconds: float, gaps: Iterable[float]
) -> list[float]:
    """Run a workflow after each gap; how long each took, in seconds."""
    running = []
    for gap in gaps:
        await asyncio.sleep(gap)
        running.append(asyncio.create_task(run(stack, deployed, seconds)))
    return await asyncio.gather(*running)


async def closed_at(handle: Handle) -> float:
    """When the server closed a workflow, in seconds since the epoch."""
    description = await handle.describe()
    assert description.close_time
    return description.close_time.timestamp()
