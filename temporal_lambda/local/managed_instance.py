"""An execution environment of Lambda Managed Instances: several processes, never frozen."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping

from temporal_lambda.local.calls import Answer, Call
from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.local.forked_processes import ForkedProcesses
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.keeper import descendants, signal_all
from temporal_lambda.local.records import Status


class ManagedInstance(ExecutionEnvironment):
    """The processes that one ``awslambdaric`` forks; each runs an invocation.

    It follows AWS's "Understanding the Lambda Managed Instances execution environment": init is
    complete when one process asks for an invocation; a process that ends takes its invocation with
    it and is not replaced, and the others go on; an invocation whose time is over has failed for
    its caller, but its code goes on, and occupies its process until it ends.

    Args:
        number: For logs and records.
        function: What to run; it has a ``max_concurrency``.
        guardian: Owns the processes.
        variables: Variables of the processes that are none of the function's.
    """

    def __init__(
        self, number: int, function: Function, guardian: Guardian, variables: Mapping[str, str]
    ) -> None:
        super().__init__(number, function, guardian, variables)
        self._forked: ForkedProcesses | None = None
        self._calls: dict[Call, asyncio.Event] = {}
        self._start: asyncio.Task[Answer | None] | None = None

    @property
    def capacity(self) -> int:
        """How many invocations may run in it at once."""
        ended = self._forked.ended if self._forked else 0
        overdue = sum(call.given_up for call in self._calls)
        return (self.function.max_concurrency or 1) - ended - overdue

    @property
    def alive(self) -> bool:
        """Whether it has been started, and a process is left."""
        return super().alive and self._start is None

    async def start(self, limit: float, request_id: str) -> Answer | None:
        """Start the processes, and wait until the first one asks for an invocation.

        Invocations that begin meanwhile wait for the same start.
        """
        if self._start is None:
            self._start = asyncio.create_task(super().start(limit, request_id))
            self._start.add_done_callback(self._started)
        return await asyncio.shield(self._start)

    async def invoke(self, call: Call) -> tuple[Status, Answer]:
        """Run one invocation, beside others.

        Args:
            call: The invocation.

        Returns:
            How it ended, and the response for the caller.
        """
        process = self._process
        assert process is not None
        ended = self._calls[call] = asyncio.Event()
        self._api.give(call)
        try:
            await self._wait_for(ended, call.deadline_ms / 1000 - time.time())
        except BaseException:
            self._give_up(call)
            raise
        if call.answer:
            self._calls.pop(call, None)
            return ("error" if call.answer.error_type else "success"), call.answer
        if ended.is_set() or process.returncode is not None:
            self._calls.pop(call, None)
            message = f"the process {call.process_id} of this invocation has ended"
            if process.returncode is not None:
                message = process.describe_end()
            return "crash", Answer.failure(call.request_id, "Runtime.ExitError", message)
        self._give_up(call)
        return "timeout", Answer.timed_out(call.request_id, self.function.timeout.total_seconds())

    async def stop(self) -> None:
        """Kill the processes, and close their outputs and their Runtime API."""
        start = self._start
        if start and start is not asyncio.current_task():
            start.cancel()
            await asyncio.wait({start})
        await super().stop()
        forked, self._forked = self._forked, None
        if forked:
            forked.close()

    def terminate(self) -> None:
        """Send SIGTERM to the processes that run an invocation.

        The one that has forked them would end at once, and they with it.
        """
        running = [call.process_id for call in self._calls if call.process_id]
        signal_all(running, signal.SIGTERM)

    def _give_up(self, call: Call) -> None:
        """Take no answer any more; whoever has begun it is busy until it asks again."""
        call.given_up = True
        if not call.process_id:
            del self._calls[call]

    def _started(self, start: asyncio.Task[Answer | None]) -> None:
        self._start = None
        if not start.cancelled():
            start.exception()

    def _processes(self, process_id: int) -> list[int]:
        return [process_id, *descendants(process_id)]

    def _open_log(self, variables: dict[str, str]) -> list[int]:
        self._forked = ForkedProcesses(self._say_of, self._end_call_of)
        variables["_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"] = self._forked.path
        return []

    def _asked(self, process_id: int) -> None:
        if self._forked:
            self._forked.drain(process_id)
        self._measure_memory(self.pid)
        self._end_call_of(process_id)
        self._asking.set()

    def _end_call_of(self, process_id: int) -> None:
        """The process has asked for its next invocation, or has ended."""
        if call := self._call_of(process_id):
            self._calls.pop(call).set()

    def _say_of(self, process_id: int, line: str) -> None:
        call = self._call_of(process_id)
        (call.on_line if call else self.on_line)(line)

    def _call_of(self, process_id: int) -> Call | None:
        return next((call for call in self._calls if call.process_id == process_id), None)
