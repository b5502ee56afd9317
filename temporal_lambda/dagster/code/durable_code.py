"""A run of a job's own steps, as a workflow, and its events as the workflow's history has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import DataConverter

from temporal_lambda.dagster.code.events_told import EventsTold
from temporal_lambda.dagster.code.run_data import NOTE, STEP, WORKFLOW, CodeRun
from temporal_lambda.dagster.serving.answer import Told
from temporal_lambda.dagster.serving.durable import exists
from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES, REMEDY, size_of
from temporal_lambda.errors import PayloadError


@dataclass(frozen=True)
class EventsOfHistory:
    """Reads a run's events, see ``durable_run.Teller``.

    Attributes:
        after: How many batches of them the launcher has.
    """

    after: int = 0

    async def tell(
        self,
        client: Client,
        workflow_id: str,
        description: WorkflowExecutionDescription | None = None,
    ) -> Told:
        """See ``durable_run.Teller``."""
        if description is None:
            description = await client.get_workflow_handle(workflow_id).describe()
        handle = client.get_workflow_handle(workflow_id, run_id=description.run_id)
        reader = _Reader(client.data_converter)
        async for event in handle.fetch_history_events():
            await reader.take(event)
        under_way = [
            {
                "step": pending.activity_id,
                "attempt": reader.ended[pending.activity_id] + 1,
                "start": pending.last_started_time.ToNanoseconds() / 1e9,
            }
            for pending in description.raw_description.pending_activities
            if pending.activity_type.name == STEP
            and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        ]
        return EventsTold(reader.batches, self.after, under_way)


@dataclass(frozen=True, kw_only=True)
class DurableCode(EventsOfHistory):
    """A run, see ``durable_run.DurableRun``.

    Attributes:
        run: The run.
        awaited: Whether the launcher waits for the answer.
        refusal: Why it can't be started here. One that has begun goes on in the build it began in.
    """

    run: CodeRun
    awaited: bool
    refusal: PayloadError | None = None

    @property
    def workflow(self) -> Any:
        """The workflow."""
        return WORKFLOW

    @property
    def title(self) -> str:
        """What the run is called."""
        return f"{self.run.job_name} {self.run.run_id}"

    async def argument(self, client: Client, workflow_id: str) -> CodeRun:
        """The run.

        Raises:
            PayloadError: It can't be started here, or its config is too large.
        """
        if self.refusal and not await exists(client, workflow_id):
            raise self.refusal
        size = size_of(client.data_converter.payload_converter, self.run)
        if size > MAX_PAYLOAD_BYTES:
            raise PayloadError(
                f"the run has {size} bytes, packed, with its config and what is known of earlier "
                f"runs, and a workflow can be started with {MAX_PAYLOAD_BYTES}: {REMEDY}"
            )
        return self.run


class _Reader:
    def __init__(self, converter: DataConverter) -> None:
        self.batches: list[str] = []
        self.ended: Counter[str] = Counter()
        self._converter = converter
        self._keys: dict[int, str] = {}

    async def take(self, event: HistoryEvent) -> None:
        """Take in what happened next."""
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name in (STEP, NOTE):
                self._keys[event.event_id] = scheduled.activity_id
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            completed = event.activity_task_completed_event_attributes
            if completed.scheduled_event_id in self._keys:
                self.ended[self._keys[completed.scheduled_event_id]] += 1
                (result,) = await self._converter.decode(completed.result.payloads)
                self.batches.append(result["events"])
