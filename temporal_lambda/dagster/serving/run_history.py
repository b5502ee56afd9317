"""What a run's workflow tells about its ops, whether it has ended or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskCompletedEventAttributes,
    ActivityTaskFailedEventAttributes,
    ActivityTaskTimedOutEventAttributes,
    HistoryEvent,
)
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import DataConverter

from temporal_lambda.dagster.serving.step_report import Step


@dataclass
class RunHistory:
    """What is known of a run, from its workflow's history and its pending activities.

    Attributes:
        steps: What became of each op, in the order in which they were scheduled.
        outputs: Op -> output, of those that are through here or in the parent run.
    """

    steps: dict[str, Step] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


async def read_history(
    client: Client, workflow_id: str, description: WorkflowExecutionDescription | None = None
) -> RunHistory:
    """Read what became of a run's ops. It needs no worker.

    Args:
        client: A client of the server.
        workflow_id: The workflow that runs it.
        description: Of the workflow, if that is at hand.

    Raises:
        temporalio.service.RPCError: The server does not answer, or knows no such workflow.
    """
    handle = client.get_workflow_handle(workflow_id)
    description = description or await handle.describe()
    reader = _Reader(client.data_converter)
    async for event in client.get_workflow_handle(
        workflow_id, run_id=description.run_id
    ).fetch_history_events():
        await reader.take(event)
    for pending in description.raw_description.pending_activities:
        await reader.take_pending(pending)
    return reader.history


class _Reader:
    def __init__(self, converter: DataConverter) -> None:
        self.history = RunHistory()
        self._converter = converter
        self._ops: set[str] = set()
        self._op_of_activity: dict[str, str] = {}
        self._scheduled: dict[int, Step] = {}

    async def take(self, event: HistoryEvent) -> None:
        """Take in what happened next."""
        at = _seconds(event.event_time)
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                await self._take_plan(event)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                self._schedule(event)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
                started = event.activity_task_started_event_attributes
                if step := self._scheduled.get(started.scheduled_event_id):
                    await self._start(step, started.attempt, at, started)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                await self._complete(event.activity_task_completed_event_attributes, at)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                await self._fail(event.activity_task_failed_event_attributes, at)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                await self._fail(event.activity_task_timed_out_event_attributes, at)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
                canceled = event.activity_task_canceled_event_attributes
                if step := self._scheduled.get(canceled.scheduled_event_id):
                    step.status, step.end = "canceled", at

    async def take_pending(self, pending: PendingActivityInfo) -> None:
        """Take in how an activity that has not ended stands."""
        op = self._op(pending.activity_id, pending.activity_type.name)
        step = self.history.steps.get(op) if op is not None else None
        if step is None or not pending.HasField("last_started_time"):
            return
        started = _seconds(pending.last_started_time)
        running = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        # A scheduled activity counts the attempt that comes next.
        latest = pending.attempt if running else max(1, pending.attempt - 1)
        await self._start(step, latest, started, pending)
        if not running and pending.HasField("last_failure"):
            step.earlier = []
            ended = _seconds(pending.last_attempt_complete_time)
            step.fail_attempt(await self._error(pending.last_failure), ended or None)

    async def _take_plan(self, event: HistoryEvent) -> None:
        given = event.workflow_execution_started_event_attributes.input.payloads
        run = next(iter(await self._converter.decode(given)), None) if given else None
        plans = run.get("ops") if isinstance(run, dict) else None
        if not isinstance(run, dict) or not isinstance(plans, list):
            return
        self.history.outputs.update(run.get("outputs") or {})
        for plan in plans:
            self._ops.add(plan["name"])
            self._op_of_activity.setdefault(plan["activity"], plan["name"])

    def _schedule(self, event: HistoryEvent) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        op = self._op(scheduled.activity_id, scheduled.activity_type.name)
        if op is not None:
            # Of an attempt that failed, no more is known than that it began after this.
            step = Step(op, start=_seconds(event.event_time))
            self._scheduled[event.event_id] = self.history.steps[op] = step

    async def _start(self, step: Step, attempt: int, at: float, attributes: Any) -> None:
        step.attempt = attempt - 1
        if attempt > 1 and attributes.HasField("last_failure"):
            step.fail_attempt(await self._error(attributes.last_failure), None)
        step.begin(attempt, at)

    async def _complete(self, completed: ActivityTaskCompletedEventAttributes, at: float) -> None:
        if step := self._scheduled.get(completed.scheduled_event_id):
            (result,) = await self._converter.decode(completed.result.payloads) or [None]
            report = result if _is_report(result) else {"output": result}
            self.history.outputs[step.op] = report["output"]
            step.succeed(report, at)

    async def _fail(
        self,
        failed: ActivityTaskFailedEventAttributes | ActivityTaskTimedOutEventAttributes,
        at: float,
    ) -> None:
        if step := self._scheduled.get(failed.scheduled_event_id):
            step.fail(await self._error(failed.failure), at)

    async def _error(self, failure: Failure) -> BaseException:
        return await self._converter.decode_failure(failure)

    def _op(self, activity_id: str, activity: str) -> str | None:
        # A workflow of the user's own may number its activities.
        return activity_id if activity_id in self._ops else self._op_of_activity.get(activity)


def _is_report(result: Any) -> bool:
    return isinstance(result, Mapping) and {"output", "start", "end", "logs"} <= set(result)


def _seconds(time: Timestamp) -> float:
    return time.seconds + time.nanos / 1e9
