"""The Lambda service: functions, their execution environments, and the queue of Event calls."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.local.fleet import Fleet
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.records import DroppedEvent, InvocationRecord, InvocationType
from temporal_lambda.local.runtime_api import Answer, Call, new_trace_id
from temporal_lambda.report import WORKER, find_line

logger = logging.getLogger(__name__)

MAX_LOG_LINES = 10_000
"""Log lines kept per invocation; a function may print without end."""

MAX_RECORDS = 10_000
"""Invocations kept in ``records``; older ones are dropped, as a service may run for days."""


class ThrottledError(Exception):
    """All execution environments a function may have are busy."""


class LambdaService:
    """Runs functions the way Lambda does: cold and warm, one at a time, frozen in between.

    Use it as an async context manager; leaving it leaves no process behind.

    Attributes:
        records: Finished invocations, oldest first.
        invocations: How many have begun; the number of the last one.
        workers: What each function's worker serves, as it logged at its cold start, by function
            name.
        dropped: Event invocations that were discarded after all retries.
        throttled_requests: How many Invoke requests ``throttle_requests`` has turned away.
        on_line: Called with (request id, line) for each log line.
        on_record: Called with each finished invocation.
    """

    def __init__(self) -> None:
        self.records: deque[InvocationRecord] = deque(maxlen=MAX_RECORDS)
        self.workers: dict[str, dict[str, Any]] = {}
        self.dropped: list[DroppedEvent] = []
        self.on_line: Callable[[str, str], None] = lambda request_id, line: None
        self.on_record: Callable[[InvocationRecord], None] = lambda record: None
        self._fleets: dict[str, Fleet] = {}
        self._guardian: Guardian | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        self.invocations = 0
        self._environments = 0
        self._recorded = asyncio.Event()
        self._to_throttle = 0
        self.throttled_requests = 0

    async def __aenter__(self) -> LambdaService:
        self._guardian = Guardian()
        self._closing = False
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop queued events, kill all processes."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for fleet in self._fleets.values():
            await fleet.stop()
        self._fleets.clear()
        if self._guardian:
            self._guardian.close()

    @property
    def guardian(self) -> Guardian:
        """Owner of all child processes."""
        if self._guardian is None:
            raise RuntimeError("the service has not been started: use it with 'async with'")
        return self._guardian

    def add(self, function: Function) -> None:
        """Create a function, or replace the one with its name and recycle its environments."""
        self.workers.pop(function.name, None)
        if fleet := self._fleets.get(function.name):
            fleet.recycle(function)
        else:
            self._fleets[function.name] = Fleet(function, self.guardian)

    def find(self, name: str) -> Function | None:
        """A function by name."""
        fleet = self._fleets.get(name)
        return fleet.function if fleet else None

    def recycle(self, name: str) -> None:
        """Make a function's next invocation a cold start; running ones may finish."""
        fleet = self._fleets[name]
        fleet.recycle(fleet.function)

    async def end_running(
        self, name: str, grace_seconds: float = 3.0, *, retired_only: bool = False
    ) -> None:
        """End a function's running invocations: SIGTERM first, SIGKILL after the grace period.

        Args:
            name: The function's name.
            grace_seconds: Time between the two.
            retired_only: Spare invocations that began after the last ``add`` or ``recycle``.
        """
        await self._fleets[name].end_running(grace_seconds, retired_only=retired_only)

    def environments(self, name: str) -> list[ExecutionEnvironment]:
        """The environments a function has now."""
        return self._fleets[name].environments

    def busy(self, name: str) -> int:
        """How many invocations of a function run right now."""
        return self._fleets[name].busy

    def throttle_requests(self, count: int) -> None:
        """Turn away the next Invoke requests, as AWS does above its limit of requests a second.

        Args:
            count: How many.
        """
        self._to_throttle = count

    def throttles(self) -> bool:
        """Whether to turn the current request away; counts it as one of ``throttle_requests``."""
        if not self._to_throttle:
            return False
        self._to_throttle -= 1
        self.throttled_requests += 1
        return True

    async def wait_for_record(
        self, predicate: Callable[[InvocationRecord], bool], timeout: float
    ) -> InvocationRecord:
        """Return the first finished invocation that matches; wait for it if there is none yet.

        Args:
            predicate: Tells whether a record matches.
            timeout: Seconds.

        Raises:
            asyncio.TimeoutError: No record matched in time.
        """

        async def wait() -> InvocationRecord:
            while True:
                for record in self.records:
                    if predicate(record):
                        return record
                self._recorded.clear()
                await self._recorded.wait()

        return await asyncio.wait_for(wait(), timeout)

    async def invoke(
        self,
        function: Function,
        payload: bytes,
        *,
        arn: str | None = None,
        trace_id: str | None = None,
        client_context: str | None = None,
    ) -> tuple[InvocationRecord, Answer]:
        """Invoke synchronously (``RequestResponse``).

        Raises:
            ThrottledError: The concurrency limit is reached.
        """
        fleet = self._fleets[function.name]
        if fleet.full:
            raise ThrottledError(function.name)
        call = self._call(function, payload, arn, trace_id, client_context)
        return await self._run(fleet, call, "RequestResponse", attempt=1)

    def enqueue(
        self, function: Function, payload: bytes, *, arn: str | None, trace_id: str | None
    ) -> str:
        """Invoke asynchronously (``Event``).

        Returns:
            The request id, which stays the same over all retries.
        """
        call = self._call(function, payload, arn, trace_id, None)
        self._spawn(self._deliver(self._fleets[function.name], call))
        return call.request_id

    def _call(
        self,
        function: Function,
        payload: bytes,
        arn: str | None,
        trace_id: str | None,
        client_context: str | None,
    ) -> Call:
        return Call(
            request_id=str(uuid.uuid4()),
            arn=arn or function.arn,
            payload=payload.strip() or b"{}",
            trace_id=trace_id or new_trace_id(time.time()),
            client_context=client_context,
        )

    async def _deliver(self, fleet: Fleet, call: Call) -> None:
        function = fleet.function
        gives_up = time.monotonic() + function.max_event_age.total_seconds()
        pauses = [0.0, *(delay.total_seconds() for delay in function.retry_delays)]
        for attempt, pause in enumerate(pauses[: function.retries + 1], start=1):
            await asyncio.sleep(pause)
            if not await fleet.wait_for_room(gives_up - time.monotonic()):
                self._drop(function, call, "EventAgeExceeded", attempt - 1)
                return
            record, _ = await self._run(fleet, replace(call), "Event", attempt)
            if record.status == "success":
                return
        self._drop(function, call, "RetriesExhausted", function.retries + 1)

    def _drop(self, function: Function, call: Call, reason: Any, attempts: int) -> None:
        logger.warning("event %s for %s was dropped: %s", call.request_id, function.name, reason)
        event = DroppedEvent(call.request_id, function.name, call.payload, reason, attempts)
        self.dropped.append(event)

    async def _run(
        self, fleet: Fleet, call: Call, invocation_type: InvocationType, attempt: int
    ) -> tuple[InvocationRecord, Answer]:
        self.invocations += 1
        record = InvocationRecord(
            number=self.invocations,
            request_id=call.request_id,
            function=fleet.function.name,
            environment=0,
            invocation_type=invocation_type,
            attempt=attempt,
            cold=False,
            started_at=datetime.now(timezone.utc),
            pid=0,
        )
        environment = fleet.take(new_number=self._environments + 1)
        self._environments = max(self._environments, environment.number)
        record.environment = environment.number
        try:
            answer = await self._run_in(environment, call, record)
        except BaseException:
            # Its state is unknown now, so it must not be used again.
            environment.retired = True
            raise
        finally:
            fleet.give_back(environment)
        record.error = answer.describe() if answer.error_type else None
        self.records.append(record)
        self._recorded.set()
        self.on_record(record)
        return record, answer

    async def _run_in(
        self, environment: ExecutionEnvironment, call: Call, record: InvocationRecord
    ) -> Answer:
        function = environment.function

        def write(line: str) -> None:
            if len(record.log) < MAX_LOG_LINES:
                record.log.append(line)
            elif len(record.log) == MAX_LOG_LINES:
                record.log.append(f"... only the first {MAX_LOG_LINES} lines are kept")
            if serves := find_line(WORKER, line):
                self.workers[function.name] = serves
            self.on_line(record.request_id, line)

        environment.on_line = write
        timeout = function.timeout.total_seconds()
        spent = 0.0
        write(f"START RequestId: {call.request_id} Version: {function.version}")
        failure: Answer | None = None
        if not environment.alive:
            record.cold = True
            begun = time.monotonic()
            init_limit = function.init_timeout.total_seconds()
            failure = await environment.start(init_limit, call.request_id)
            record.init_ms = (time.monotonic() - begun) * 1000
            if failure and not (self._closing or environment.retired):
                # Lambda tries init once more, now within the function's own timeout.
                begun = time.monotonic()
                failure = await environment.start(timeout, call.request_id)
                spent = time.monotonic() - begun
        record.pid = environment.pid
        record.started_at = datetime.now(timezone.utc)
        begun = time.monotonic()
        if failure:
            timed_out = failure.error_type == "Sandbox.Timedout"
            record.status, answer = ("timeout" if timed_out else "init_error"), failure
        else:
            call.deadline_ms = int((time.time() + timeout - spent) * 1000)
            record.status, answer = await environment.invoke(call)
        record.duration_ms = (time.monotonic() - begun + spent) * 1000
        record.max_memory_mb = environment.peak_memory_mb
        if answer.error_type and record.status in ("timeout", "crash"):
            write(answer.describe())
        for line in (
            f"END RequestId: {call.request_id}",
            record.summary_line(function.memory_mb),
        ):
            record.log.append(line)
            self.on_line(record.request_id, line)
        return answer

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
