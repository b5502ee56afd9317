"""How far a workflow has come that somebody waits for: what the server says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from temporal_lambda.outgoing import cut

Handle = WorkflowHandle[Any, Any]

LOOK_SECONDS = 0.5
"""Pause between two questions."""

MOST_SHOWN = 5
"""Activities and children that are named; the rest is a number."""


@dataclass(frozen=True)
class WorkflowProgress:
    """What a workflow has done so far, and what it waits for.

    Attributes:
        events: How many events its history has.
        waits_for: What is under way, one line each.
    """

    events: int = 0
    waits_for: tuple[str, ...] = ()

    def describe(self) -> str:
        """All of it in a line.

        Example:
            >>> WorkflowProgress(5, ("activity pack, attempt 1 runs",)).describe()
            '5 events; activity pack, attempt 1 runs'
        """
        return "; ".join([f"{self.events} events", *self.waits_for])


async def follow(handle: Handle, told: Callable[[WorkflowProgress], None]) -> None:
    """Ask the server again and again, until this is cancelled.

    Args:
        handle: The workflow.
        told: Called with what has changed.
    """
    last = WorkflowProgress()
    while True:
        try:
            now = await _ask(handle)
        except RPCError:
            # Whoever waits for the result is told of a server that is gone.
            now = last
        if now != last:
            told(now)
            last = now
        await asyncio.sleep(LOOK_SECONDS)


async def _ask(handle: Handle) -> WorkflowProgress:
    raw = (await handle.describe()).raw_description
    waits_for = [
        *map(_activity, raw.pending_activities),
        *(f"child workflow {child.workflow_type_name}" for child in raw.pending_children),
        *(f"Nexus operation {one.operation}" for one in raw.pending_nexus_operations),
    ]
    if len(waits_for) > MOST_SHOWN:
        waits_for[MOST_SHOWN:] = [f"{len(waits_for) - MOST_SHOWN} more"]
    if raw.HasField("pending_workflow_task"):
        waits_for[:0] = await _own_task(handle, raw.pending_workflow_task)
    return WorkflowProgress(raw.workflow_execution_info.history_length, tuple(waits_for))


def _activity(pending: Any) -> str:
    """A pending activity: its attempt, whether that runs, and why the last one failed."""
    runs = pending.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    line = f"activity {pending.activity_type.name}, attempt {pending.attempt} "
    line += "runs" if runs else "is to begin"
    if pending.HasField("last_failure"):
        line += f", the last one failed: {_reason(pending.last_failure)}"
    return line


async def _own_task(handle: Handle, task: Any) -> list[str]:
    """A workflow whose own next step waits for a worker, or has failed and is tried again."""
    if task.attempt > 1:
        # Only its history says why.
        reason = "see the log"
        async for event in handle.fetch_history_events():
            if event.HasField("workflow_task_failed_event_attributes"):
                reason = _reason(event.workflow_task_failed_event_attributes.failure)
        return [f"its own code fails, attempt {task.attempt}: {reason}"]
    waits = task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
    return ["its own next step is to begin"] if waits else []


def _reason(failure: Failure) -> str:
    """Type and message of a failure, in a line."""
    kind = failure.application_failure_info.type
    text = f"{kind}: {failure.message}" if kind else failure.message
    return cut(" ".join(text.split()), 200)
