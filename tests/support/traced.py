"""Runs workflows of functions/traced.py."""

from __future__ import annotations

import asyncio
import uuid

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from tests.support.waiting import until


async def run_order(stack: LocalStack, task_queue: str, pause: float) -> str:
    """Run a workflow to its end; its id."""
    handle = await stack.client.start_workflow(
        "Order", pause, id=f"order-{uuid.uuid4().hex[:8]}", task_queue=task_queue
    )
    await asyncio.wait_for(handle.result(), 30)
    return handle.id


async def records_at_rest(stack: LocalStack, function: Function) -> list[InvocationRecord]:
    """The invocations of a function, once none runs."""
    await until(lambda: not stack.service.busy(function.name))
    return [record for record in stack.service.records if record.function == function.name]


def errors_of(records: list[InvocationRecord]) -> list[str]:
    """Lines that an alarm for errors would count."""
    signs = ("[ERROR]", '"level": "ERROR"', "Traceback", "Failed to detach")
    return [line for record in records for line in record.log if any(s in line for s in signs)]
