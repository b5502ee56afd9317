"""How far a workflow has come that somebody waits for: what the server says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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
    last, question = WorkflowProgress(), Question(handle)
    while True:
        try:
            now = await question.ask()
        except RPCError:
            # Whoever waits for the result is told of a server that is gone.
            now = last
        if now != last:
            told(now)
            last = now
        await asyncio.sleep(LOOK_SECONDS)


class Question:
    """Asks the server how far a workflow has come.

    Args:
        handle: The workflow.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._known_of = (0, 0)
        self._trouble = ""

    async def ask(self) -> WorkflowProgress:
        """What it has done so far, and what it waits for.

        Raises:
            RPCError: The server does not answer, or does not know the workflow.
        """
        raw = (await self._handle.describe()).raw_description
        events = raw.workflow_execution_info.history_length
        waits_for = [
            *map(_activity, raw.pending_activities),
            *(f"child workflow {child.workflow_type_name}" for child in raw.pending_children),
            *(f"Nexus operation {one.operation}" for one in raw.pending_nexus_operations),
        ]
        if len(waits_for) > MOST_SHOWN:
            waits_for[MOST_SHOWN:] = [f"{len(waits_for) - MOST_SHOWN} more"]
        if raw.HasField("pending_workflow_task"):
            waits_for[:0] = await self._own_task(raw.pending_workflow_task, events)
        return WorkflowProgress(events, tuple(waits_for))

    async def _own_task(self, task: Any, events: int) -> list[str]:
        """Its own next step, if that waits for a worker, or is tried again."""
        if task.attempt <= 1:
            waits = task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
            return ["its own next step is to begin"] if waits else []
        if self._known_of != (task.attempt, events):
            # Only the history says why, and it may be long.
            self._trouble = await self._last_trouble(task.attempt)
            self._known_of = task.attempt, events
        return [self._trouble]

    async def _last_trouble(self, attempt: int) -> str:
        """Why its own next step is tried again; what was overcome before that is no reason."""
        trouble = f"its own next step is tried again, attempt {attempt}"
        async for event in self._handle.fetch_history_events():
            if event.HasField("workflow_task_failed_event_attributes"):
                reason = _reason(event.workflow_task_failed_event_attributes.failure)
                trouble = f"its own code fails, attempt {attempt}: {reason or 'see the log'}"
            elif event.HasField("workflow_task_timed_out_event_attributes"):
                trouble = f"its own next step was not answered in time, attempt {attempt}"
        return trouble


STATES: Mapping[Any, str] = {
    PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED: "is to begin",
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED: "is paused",
}
"""What is said of an activity that does not run; one that is to pause or to be canceled does."""


def _activity(pending: Any) -> str:
    """A pending activity: its attempt, whether that runs, and why the last one failed."""
    state = STATES.get(pending.state, "runs")
    line = f"activity {pending.activity_type.name}, attempt {pending.attempt} {state}"
    if pending.HasField("last_failure"):
        line += f", the last one failed: {_reason(pending.last_failure)}"
    return line


def _reason(failure: Failure) -> str:
    """Type and message of a failure, in a line."""
    kind = failure.application_failure_info.type
    text = f"{kind}: {failure.message}" if kind else failure.message
    return cut(" ".join(text.split()), 200)
