"""Which invocations have served a workflow: the worker's identity in its history says it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowHistoryEventFilterType

from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.service import LambdaService

Handle = WorkflowHandle[Any, Any]


async def record_of(service: LambdaService, handle: Handle, timeout: float) -> InvocationRecord:
    """The invocation that a workflow ended in.

    Args:
        service: The service that made it.
        handle: The workflow. It is waited for, whatever comes of it, and then for the end of the
            invocation.
        timeout: Seconds for both.

    Returns:
        The record.

    Raises:
        LocalStackError: The time is over, or the workflow was served by something else.
    """
    loop = asyncio.get_running_loop()
    gives_up = loop.time() + timeout
    try:
        request_id, at = await asyncio.wait_for(_last_served(handle), timeout)
    except asyncio.TimeoutError:
        raise LocalStackError(f"workflow {handle.id} has not ended within {timeout:g} s") from None
    try:
        return await service.wait_for_record(_served(request_id, at), gives_up - loop.time())
    except asyncio.TimeoutError:
        raise LocalStackError(
            f"workflow {handle.id} has ended, but the invocation that served it has not within "
            f"{timeout:g} s. It ends at its deadline; give the function an idle timeout, such as "
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT=auto in its environment"
        ) from None


async def _last_served(handle: Handle) -> tuple[str, datetime]:
    """Request id of the invocation that got a workflow's last task, and when it did."""
    await _until_closed(handle)
    identity, at = "", datetime.fromtimestamp(0, timezone.utc)
    async for event in handle.fetch_history_events():
        if event.HasField("workflow_task_started_event_attributes"):
            identity = event.workflow_task_started_event_attributes.identity
            at = event.event_time.ToDatetime(timezone.utc)
    request_id, at_sign, _ = identity.partition("@arn:")
    if not at_sign:
        raise LocalStackError(
            f"workflow {handle.id} was served by {identity or 'nobody'}, which is no invocation of "
            "this stack"
        )
    return request_id, at


async def _until_closed(handle: Handle) -> None:
    close = WorkflowHistoryEventFilterType.CLOSE_EVENT
    async for _ in handle.fetch_history_events(wait_new_event=True, event_filter_type=close):
        return


def _served(request_id: str, at: datetime) -> Callable[[InvocationRecord], bool]:
    """Whether a record is that of the attempt that ran then; all attempts share the request id."""

    def matches(record: InvocationRecord) -> bool:
        ended = record.started_at + timedelta(milliseconds=record.duration_ms)
        return record.request_id == request_id and ended >= at

    return matches
