"""A function behind the worker controller, with a proxy between it and the server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.lambdas import deploy_at_rest, events, rest
from tests.support.proxy import Proxy
from tests.support.reliability import Row, seen_in_history, seen_in_log, seen_in_record
from tests.support.waiting import PATIENCE, until

PROMISED_MS = 200
"""Milliseconds before the deadline by which a handler is back."""

RETRY_DELAYS = (timedelta(seconds=1), timedelta(seconds=2))
"""Lambda's own pauses before it delivers a failed Event again are 1 and 2 minutes."""

Handle = WorkflowHandle[Any, Any]


class FaultScenario:
    """What a fault happens to, at rest when it is made.

    Args:
        stack: Server and Lambda service.
        deployed: The function.
        proxy: Between the function and the server.
    """

    def __init__(self, stack: LocalStack, deployed: Deployed, proxy: Proxy) -> None:
        self.stack = stack
        self.deployed = deployed
        self.proxy = proxy
        self.service = stack.service
        self._from = stack.service.invocations
        self.lines: list[str] = []

    @property
    def function(self) -> Function:
        """The function."""
        return self.deployed.function

    async def start(
        self, activity: str, argument: float | str | None = None, timeout: float = 30.0
    ) -> Handle:
        """Start a workflow that runs one activity, with a start-to-close timeout in seconds."""
        return await self.stack.client.start_workflow(
            "RunActivity",
            args=[activity, argument, timeout],
            id=f"{activity}-{uuid.uuid4().hex[:8]}",
            task_queue=self.deployed.task_queue,
        )

    async def result(self, handle: Handle) -> Any:
        """The workflow's result, in bounded time."""
        return await asyncio.wait_for(handle.result(), PATIENCE)

    async def activity_runs(self, handle: Handle, attempt: int = 1) -> None:
        """Wait until the server has handed the activity to the worker."""
        await activity_runs(handle, attempt)

    async def printed(self, line: str) -> None:
        """Wait until the function prints a line."""
        await until(lambda: line in self.lines, PATIENCE)

    async def at_rest(self) -> None:
        """Wait until no invocation runs."""
        await rest(self.stack, self.deployed)

    @property
    def pid(self) -> int:
        """The process whose handler runs now; 0 if none does."""
        environments = self.service.environments(self.function.name)
        return next((env.pid for env in environments if env.request_id), 0)

    @property
    def records(self) -> list[InvocationRecord]:
        """Invocations of the function that ended since this scenario was made, oldest first."""
        return [
            record
            for record in self.service.records
            if record.function == self.function.name and record.number > self._from
        ]

    async def wait_for_record(self, fits: Callable[[InvocationRecord], object]) -> InvocationRecord:
        """The first invocation that fits, once it has ended."""
        return await self.service.wait_for_record(
            lambda record: record in self.records and bool(fits(record)), PATIENCE
        )

    async def row(self, fault: str, handle: Handle, record: InvocationRecord) -> Row:
        """What was seen, having made sure of what holds in every row."""
        await self.at_rest()
        if record.report:
            assert record.duration_ms < 1000 * self.function.timeout.total_seconds() - PROMISED_MS
            assert "hook" in events(record)
        return Row(
            fault, await seen_in_history(handle), seen_in_record(record), seen_in_log(record)
        )


async def activity_runs(handle: Handle, attempt: int = 1) -> None:
    """Wait until the server has handed a workflow's activity to a worker."""

    async def wait() -> None:
        while True:
            description = await handle.describe()
            for pending in description.raw_description.pending_activities:
                started = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
                if pending.state == started and pending.attempt == attempt:
                    return
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE)


@asynccontextmanager
async def behind_proxy(
    stack: LocalStack, function: Function, server: str | None = None
) -> AsyncIterator[FaultScenario]:
    """Deploy a function that reaches the server through a proxy, and wait until it rests.

    Args:
        stack: Server and Lambda service.
        function: The function.
        server: What the proxy leads to; by default the stack's server.
    """
    async with Proxy(server or stack.temporal_address) as proxy:
        function = with_env(function, {"TEMPORAL_ADDRESS": proxy.address})
        deployed = await deploy_at_rest(stack, function)
        scenario = FaultScenario(stack, deployed, proxy)
        stack.service.on_line = lambda request_id, line: scenario.lines.append(line)
        try:
            yield scenario
        finally:
            stack.service.on_line = lambda request_id, line: None


def ran_activity(record: InvocationRecord) -> bool:
    """Whether an activity began in an invocation."""
    return bool(record.report and record.report["tasks"] and record.report["tasks"]["activity"])


def had_tasks(record: InvocationRecord) -> bool:
    """Whether an invocation had any task."""
    return bool(record.report and record.report["busy_ms"])


def failed(record: InvocationRecord) -> bool:
    """Whether an invocation ended with an error."""
    return record.error is not None


def with_env(function: Function, env: Mapping[str, str]) -> Function:
    """The same function with more in its environment."""
    return replace(function, environment={**function.environment, **env})


class CheckDocumented(Protocol):
    """Compares what was seen of a fault with docs/reliability.md."""

    async def __call__(
        self,
        scenario: FaultScenario,
        handle: Handle,
        record: InvocationRecord,
    ) -> None: ...


class MakeScenario(Protocol):
    """The function ``surroundings`` behind a proxy, with a fault around it."""

    def __call__(
        self, fault: str, seconds: float = 8, env: Mapping[str, str] = {}
    ) -> AbstractAsyncContextManager[FaultScenario]: ...
