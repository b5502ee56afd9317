"""A workflow that ``temporal-lambda dev --execute`` starts, and what comes of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.workflow_progress import WorkflowProgress, follow

NOT_REGISTERED = "is not registered"
"""What the SDK says when a worker is given a workflow of a type that it does not know."""


HELD_UP = timedelta(seconds=120)
"""How long a workflow task may take that a debugger may hold up."""


@dataclass(frozen=True)
class Execution:
    """A workflow to start, after which the session ends.

    Attributes:
        workflow: Its type.
        arguments: Its arguments.
        timeout: Seconds until it counts as failed.
        task_timeout: How long each of its own tasks may take; the server's default if ``None``.
    """

    workflow: str
    arguments: list[Any]
    timeout: float = 90.0
    task_timeout: timedelta | None = None

    def new_id(self) -> str:
        """A workflow id for one run of it."""
        return f"{self.workflow}-{uuid.uuid4().hex[:8]}"

    async def run(
        self,
        client: Client,
        workflow_id: str,
        task_queue: str,
        told: Callable[[WorkflowProgress], None] = lambda progress: None,
    ) -> Any:
        """Start the workflow and wait for its result.

        Args:
            client: Connected to the server.
            workflow_id: Its id.
            task_queue: Its task queue.
            told: Called with how far it has come, whenever that has changed.

        Raises:
            LocalStackError: It failed, did not end in time, or is of no registered type.
        """
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            self.workflow,
            args=self.arguments,
            id=workflow_id,
            task_queue=task_queue,
            task_timeout=self.task_timeout,
        )
        result = asyncio.create_task(handle.result())
        refused = asyncio.create_task(_refusal(handle))
        following = asyncio.create_task(follow(handle, told))
        try:
            ends = {result, refused}
            done, _ = await asyncio.wait(
                ends, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if refused in done and (reason := refused.result()):
                await handle.terminate(reason)
                raise LocalStackError(reason)
            if not done:
                raise LocalStackError(
                    f"workflow did not finish within {self.timeout:g} s (--execute-timeout)"
                )
            return await result
        except WorkflowFailureError as error:
            cause = error.cause
            while cause.__cause__:
                cause = cause.__cause__
            raise LocalStackError(f"workflow failed: {cause}") from None
        finally:
            tasks = {result, refused, following}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _refusal(handle: WorkflowHandle[Any, Any]) -> str | None:
    """Why the function will never serve a workflow; ``None`` when it has ended without that.

    The server would try again for ever, since another build might know the type.
    """
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.HasField("workflow_task_failed_event_attributes"):
            message = event.workflow_task_failed_event_attributes.failure.message
            if NOT_REGISTERED in message:
                return message
    return None
