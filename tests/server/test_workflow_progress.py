"""What is said of a workflow that somebody waits for; the tests answer in place of its worker."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command, ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import ActivityType, WorkflowExecution
from temporalio.api.enums.v1 import CommandType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PollWorkflowTaskQueueRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)
from temporalio.client import Client

from temporal_lambda.local import LocalStack
from temporal_lambda.local.workflow_progress import Handle, Question


class Worker:
    """Takes a workflow's own tasks by hand.

    Args:
        client: Connected to the server.
        seconds: How long each of these tasks may take.

    Attributes:
        handle: The workflow.
        question: What is asked of it.
    """

    handle: Handle

    def __init__(self, client: Client, seconds: float) -> None:
        self._client = client
        self._timeout = timedelta(seconds=seconds)
        self._queue = TaskQueue(name=f"by-hand-{uuid.uuid4().hex[:6]}")
        self._of: dict[str, Any] = {"namespace": client.namespace, "identity": "by hand"}

    async def start(self) -> None:
        self.handle = await self._client.start_workflow(
            "ByHand", id=self._queue.name, task_queue=self._queue.name, task_timeout=self._timeout
        )
        self.question = Question(self.handle)

    async def take(self) -> Any:
        """Take the next task, and answer it or not."""
        return await self._client.workflow_service.poll_workflow_task_queue(
            PollWorkflowTaskQueueRequest(**self._of, task_queue=self._queue)
        )

    async def complete(self, *commands: Command) -> None:
        await self._client.workflow_service.respond_workflow_task_completed(
            RespondWorkflowTaskCompletedRequest(
                **self._of, task_token=(await self.take()).task_token, commands=commands
            )
        )

    async def fail(self, message: str) -> None:
        await self._client.workflow_service.respond_workflow_task_failed(
            RespondWorkflowTaskFailedRequest(
                **self._of,
                task_token=(await self.take()).task_token,
                cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
                failure=Failure(message=message),
            )
        )

    def activity(self, name: str) -> Command:
        return Command(
            command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
            schedule_activity_task_command_attributes=ScheduleActivityTaskCommandAttributes(
                activity_id=name,
                activity_type=ActivityType(name=name),
                task_queue=self._queue,
                start_to_close_timeout=Duration(seconds=60),
            ),
        )

    async def waits_for(self) -> tuple[str, ...]:
        return (await self.question.ask()).waits_for


@pytest_asyncio.fixture(loop_scope="session")
async def worker(stack: LocalStack) -> Worker:
    worker = Worker(stack.client, seconds=20)
    await worker.start()
    return worker


@pytest_asyncio.fixture(loop_scope="session")
async def late(stack: LocalStack) -> Worker:
    """A worker that has little time, but enough for an answer also on a busy machine."""
    worker = Worker(stack.client, seconds=3)
    await worker.start()
    return worker


TOO_LATE = r"its own next step was not answered in time, attempt \d+"


async def test_code_that_fails_is_told_with_its_reason(worker: Worker) -> None:
    assert await worker.waits_for() == ("its own next step is to begin",)
    await worker.fail("no such method")
    assert await worker.waits_for() == ("its own code fails, attempt 2: no such method",)


async def test_step_that_was_not_answered_in_time_is_no_failure_of_the_code(late: Worker) -> None:
    await late.take()
    await late.take()
    (told,) = await late.waits_for()
    assert re.fullmatch(TOO_LATE, told)


async def test_failure_that_was_overcome_is_not_told_again(late: Worker) -> None:
    await late.fail("no such method")
    await late.complete()
    assert await late.waits_for() == ()
    await late.handle.signal("go-on")
    await late.take()
    await late.take()
    (told,) = await late.waits_for()
    assert re.fullmatch(TOO_LATE, told)


async def test_history_is_read_once_for_each_attempt(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    fetch = worker.handle.fetch_history_events

    def counted(**options: Any) -> Any:
        nonlocal read
        read += 1
        return fetch(**options)

    monkeypatch.setattr(worker.handle, "fetch_history_events", counted)
    await worker.fail("first")
    for _ in range(5):
        await worker.waits_for()
    assert read == 1
    await worker.fail("second")
    assert "attempt 3" in (await worker.waits_for())[0]
    assert read == 2


async def test_activity_that_is_paused_does_not_run(worker: Worker, stack: LocalStack) -> None:
    await worker.complete(worker.activity("pack"))
    assert await worker.waits_for() == ("activity pack, attempt 1 is to begin",)
    request = PauseActivityRequest(
        namespace=stack.client.namespace,
        identity="by hand",
        execution=WorkflowExecution(workflow_id=worker.handle.id),
        id="pack",
    )
    await stack.client.workflow_service.pause_activity(request)
    assert await worker.waits_for() == ("activity pack, attempt 1 is paused",)
