"""Attempts at activities without a server, as a worker would make them: by the same policies."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from temporalio.activity import ActivityCancellationDetails, Info
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
)

from temporal_lambda.dagster.protocol import WORKFLOW_ID
from temporal_lambda.dagster.serving.ops import is_async
from temporal_lambda.dagster.serving.plan import ANY_ERROR, WORKFLOW, OpPlan, Retries, Run
from temporal_lambda.dagster.serving.step_report import Step
from temporal_lambda.errors import RunFailedError
from temporal_lambda.runtime.work_strategy import Work
from temporal_lambda.timeouts import at_most

Functions = Mapping[str, Callable[..., Any]]
"""The activity of each op, by the op's name."""


class NotBegunError(RunFailedError):
    """An op was not begun, since the invocation ends."""


class InlineActivities:
    """Calls the activities of one run, again as often as their retry policies say.

    Args:
        run: The run.
        functions: The activity of each op, by the op's name.
        work: What the invocation has to work with.
        steps: Where to note what becomes of each op, by its name.

    Attributes:
        stopping: Whether the invocation ends.
    """

    def __init__(self, run: Run, functions: Functions, work: Work, steps: dict[str, Step]) -> None:
        self._run = run
        self._functions = functions
        self._work = work
        self._steps = steps
        self._in_flight: dict[asyncio.Task[Any], ActivityEnvironment] = {}
        self.stopping = False
        converter = work.config.client_connect_config.get("data_converter", DataConverter.default)
        self._converter = converter.payload_converter

    async def execute(self, op: OpPlan, args: list[Any]) -> Any:
        """Attempt an op until it is through, or its retry policy says that it failed.

        Raises:
            Exception: What the last attempt raised.
        """
        try:
            async with at_most(op.schedule_to_close_timeout or math.inf):
                return await self._until_done(op, args)
        except NotBegunError:
            raise
        except Exception as error:
            if step := self._steps.get(op.name):
                step.fail(error, time.time())
            raise

    async def _until_done(self, op: OpPlan, args: list[Any]) -> Any:
        attempt = 0
        while True:
            if self.stopping:
                raise NotBegunError("the function's time was over")
            attempt += 1
            step = self._steps.setdefault(op.name, Step(op.name))
            step.begin(attempt, time.time())
            try:
                report = await self._attempt(op, args, attempt)
            except Exception as error:
                if self.stopping or not _may_retry(op.retries, error, attempt):
                    raise
                step.fail_attempt(error, time.time())
                pause = getattr(error, "next_retry_delay", None)
            else:
                step.succeed(report, time.time())
                return report["output"]
            await asyncio.sleep(pause.total_seconds() if pause else op.retries.pause(attempt))

    def stop(self) -> None:
        """Tell attempts in flight that the invocation ends, and make no more."""
        self.stopping = True
        for environment in self._in_flight.values():
            environment.worker_shutdown()

    def cancel(self) -> None:
        """Cancel attempts in flight."""
        for environment in self._in_flight.values():
            environment.cancel(ActivityCancellationDetails(worker_shutdown=True))

    async def wait(self) -> None:
        """Return when no attempt is in flight."""
        if self._in_flight:
            await asyncio.wait(list(self._in_flight))

    async def _attempt(self, op: OpPlan, args: list[Any], attempt: int) -> Any:
        function = self._functions[op.name]
        environment = ActivityEnvironment()
        environment.payload_converter = self._converter
        environment.info = dataclasses.replace(
            environment.info,
            activity_id=op.name,
            activity_type=op.activity,
            attempt=attempt,
            # No server knows of it.
            is_local=True,
            task_token=uuid.uuid4().bytes,
            task_queue=self._work.config.worker_config.get("task_queue") or "inline",
            workflow_id=WORKFLOW_ID.format(run_id=self._run.run_id or "inline"),
            workflow_run_id=self._run.run_id or "inline",
            workflow_type=WORKFLOW,
        )
        # As the SDK has it, there is one for functions alone.
        executor = self._work.config.worker_config.get("activity_executor")
        executor = None if is_async(function) else executor
        chain: ActivityInboundInterceptor = _Call(self)
        interceptors = self._work.config.worker_config.get("interceptors", [])
        for interceptor in reversed([self._work.activities, *interceptors]):
            chain = interceptor.intercept_activity(chain)
        chain.init(_Outbound(environment))
        call = ExecuteActivityInput(function, self._copy(args), executor, {})
        async with at_most(op.start_to_close_timeout):
            task = asyncio.ensure_future(environment.run(chain.execute_activity, call))
            self._in_flight[task] = environment
            task.add_done_callback(self._in_flight.pop)
            self._work.slots.begin("activity")
            task.add_done_callback(lambda _: self._work.slots.end())
            output = await task
        return self._copy([output])[0]

    def _copy(self, values: list[Any]) -> list[Any]:
        """Values as they would have come from a server."""
        return self._converter.from_payloads(self._converter.to_payloads(values))


class _Call(ActivityInboundInterceptor):
    """The innermost of a chain: calls the activity."""

    def __init__(self, activities: InlineActivities) -> None:
        self._activities = activities

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        """See base class."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        if is_async(input.fn):
            return await input.fn(*input.args)
        thread = asyncio.get_running_loop().run_in_executor(
            input.executor, copy_context().run, input.fn, *input.args
        )
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            # A thread can't be canceled. Unless its op has merely timed out, it has not stopped
            # before it ends; should that take too long, it is named and left behind.
            if self._activities.stopping:
                await asyncio.wait({thread})
            raise


class _Outbound(ActivityOutboundInterceptor):
    """The innermost of the other direction: what an activity may ask."""

    def __init__(self, environment: ActivityEnvironment) -> None:
        self._environment = environment

    def info(self) -> Info:
        """See base class."""
        return self._environment.info

    def heartbeat(self, *details: Any) -> None:
        """See base class."""


def _may_retry(retries: Retries, error: Exception, attempt: int) -> bool:
    if attempt == retries.maximum_attempts:
        return False
    types = retries.non_retryable_error_types
    if isinstance(error, ApplicationError):
        return not error.non_retryable and ANY_ERROR not in types and error.type not in types
    return ANY_ERROR not in types and type(error).__name__ not in types
