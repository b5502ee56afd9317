"""A function at rest, and workflows that are started on it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio.client import WorkflowHandle

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.fault_scenario import had_tasks
from tests.support.lambdas import rest
from tests.support.waiting import PATIENCE, until

Handle = WorkflowHandle[Any, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """A deployed function.

    Attributes:
        stack: Server and Lambda service.
        deployed: The function.
    """

    stack: LocalStack
    deployed: Deployed

    async def start(self, workflow: str, *arguments: Any, **options: Any) -> Handle:
        """Start a workflow on it."""
        return await self.stack.client.start_workflow(
            workflow,
            args=arguments,
            id=f"{workflow}-{uuid.uuid4().hex[:8]}",
            task_queue=self.deployed.task_queue,
            **options,
        )

    async def waiting(self, workflow: str, *arguments: Any, **options: Any) -> Handle:
        """Start a workflow, and wait until its first invocation is over."""
        await self.at_rest()
        before = self.invocations
        handle = await self.start(workflow, *arguments, **options)
        await until(lambda: len(self.worked(before)) > 0)
        await self.at_rest()
        return handle

    async def at_rest(self) -> None:
        """Wait until no invocation of it runs."""
        await rest(self.stack, self.deployed)

    @property
    def invocations(self) -> int:
        """How many the service has begun."""
        return self.stack.service.invocations

    def worked(self, since: int) -> list[InvocationRecord]:
        """Its invocations that had tasks and have ended, of those after a number."""
        return [
            record
            for record in self.stack.service.records
            if record.function == self.deployed.function.name
            and record.number > since
            and had_tasks(record)
        ]

    async def worked_for(
        self, what: Callable[[], Awaitable[T]]
    ) -> tuple[T, list[InvocationRecord]]:
        """Do something while it is at rest.

        Returns:
            What that came to, and the invocations that worked for it.
        """
        await self.at_rest()
        before = self.invocations
        result = await asyncio.wait_for(what(), PATIENCE)
        await until(lambda: self.worked(before))
        await self.at_rest()
        return result, self.worked(before)
