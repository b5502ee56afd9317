"""The Lambda service: functions, their execution environments, and the queue of Event calls."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from temporal_lambda.local import exhaustion
from temporal_lambda.local.callbacks import Callbacks
from temporal_lambda.local.calls import Answer, Call, new_trace_id
from temporal_lambda.local.catalog import Catalog
from temporal_lambda.local.delivery import deliver
from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.local.event_queue import EventQueue, ThrottledError
from temporal_lambda.local.fleet import Fleet
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.invocation_log import InvocationLog
from temporal_lambda.local.progress_socket import ProgressSocket
from temporal_lambda.local.record_store import RecordStore
from temporal_lambda.local.records import DroppedEvent, InvocationRecord, InvocationType

logger = logging.getLogger(__name__)


class LambdaService:
    """Runs functions the way Lambda does: cold and warm, one at a time, frozen in between.

    Use it as an async context manager; leaving it leaves no process behind.

    Attributes:
        invocations: How many have begun; the number of the last one.
        workers: What each function's worker serves, as it logged at its cold start, by function
            name.
        throttled_requests: How many Invoke requests ``throttle_requests`` has turned away.
        on_line: Called with (request id, line) for each log line.
        on_record: Called with each finished invocation.
    """

    def __init__(self) -> None:
        self.workers: dict[str, dict[str, Any]] = {}
        self.on_line: Callable[[str, str], None] = lambda request_id, line: None
        self.on_record: Callable[[InvocationRecord], None] = lambda record: None
        self._functions = Catalog()
        self._guardian: Guardian | None = None
        self._store = RecordStore()
        self._queue = EventQueue(self._run_event, self._store)
        self.invocations = 0
        self._environments = 0
        self._callbacks = Callbacks()
        self._progress: ProgressSocket | None = None
        self._to_throttle = self.throttled_requests = 0

    async def __aenter__(self) -> LambdaService:
        self._guardian = Guardian()
        self._progress = ProgressSocket(self._store.running)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop queued events, kill all processes."""
        try:
            await self._queue.stop()
            for fleet in self._functions:
                await fleet.stop()
            self._functions.clear()
            if self._guardian:
                await self._guardian.close()
        finally:
            if self._progress:
                self._progress.close()

    @property
    def records(self) -> deque[InvocationRecord]:
        """Finished invocations, oldest first."""
        return self._store.records

    @property
    def running(self) -> list[InvocationRecord]:
        """Invocations under way, oldest first; their records are filled in as they go."""
        return list(self._store.running.values())

    @property
    def dropped(self) -> list[DroppedEvent]:
        """Event invocations that were discarded, oldest first."""
        return self._store.dropped

    @property
    def guardian(self) -> Guardian:
        """Owner of all child processes."""
        if self._guardian is None:
            raise RuntimeError("the service has not been started: use it with 'async with'")
        return self._guardian

    def add(self, function: Function) -> None:
        """Create a function, or a version of one; replace one that is there, and recycle its
        environments.
        """
        self.workers.pop(function.qualified_name, None)
        fleet = self._functions.find(function.qualified_name)
        if fleet and fleet.function.version == function.version:
            fleet.recycle(function)
        else:
            variables = self._progress.variables if self._progress else {}
            self._functions.put(Fleet(function, self.guardian, variables))

    def alias(self, name: str, alias: str, version: str) -> None:
        """Let ``name:alias`` stand for a published version that was added.

        Raises:
            LocalStackError: There is no such version.
        """
        self._functions.alias(name, alias, version)

    def find(self, name: str) -> Function | None:
        """A function by name, alone or as ``name:version`` or ``name:alias``."""
        fleet = self._functions.find(name)
        return fleet.function if fleet else None

    def recycle(self, name: str) -> None:
        """Make a function's next invocation a cold start; running ones may finish."""
        fleet = self._fleet(name)
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
        await self._fleet(name).end_running(grace_seconds, retired_only=retired_only)

    def environments(self, name: str) -> list[ExecutionEnvironment]:
        """The environments a function has now."""
        return self._fleet(name).environments

    def busy(self, name: str) -> int:
        """How many invocations of a function run right now."""
        return self._fleet(name).busy

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
        return await self._store.wait_for(predicate, timeout)

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
        fleet = self._fleet(function.qualified_name)
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
        self._queue.put(self._fleet(function.qualified_name), call)
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

    def _fleet(self, name: str) -> Fleet:
        if fleet := self._functions.find(name):
            return fleet
        raise KeyError(name)

    async def _run_event(self, fleet: Fleet, call: Call, attempt: int) -> InvocationRecord:
        record, _ = await self._run(fleet, call, "Event", attempt)
        return record

    async def _run(
        self, fleet: Fleet, call: Call, invocation_type: InvocationType, attempt: int
    ) -> tuple[InvocationRecord, Answer]:
        self.invocations += 1
        environment = fleet.take(new_number=self._environments + 1)
        self._environments = max(self._environments, environment.number)
        function = environment.function
        record = InvocationRecord(
            number=self.invocations,
            request_id=call.request_id,
            function=function.name,
            version=function.version,
            environment=environment.number,
            invocation_type=invocation_type,
            attempt=attempt,
            cold=False,
            started_at=datetime.now(timezone.utc),
            pid=0,
        )
        log = InvocationLog(
            record,
            on_line=lambda *line: self._callbacks.call(self.on_line, *line),
            on_worker=lambda serves: self.workers.update({function.qualified_name: serves}),
        )
        self._store.running[record.number] = record
        try:
            answer = await self._deliver(environment, call, record, log)
        except BaseException:
            # Its state is unknown now, so it must not be used again.
            environment.retired = True
            raise
        finally:
            if self._progress:
                self._progress.drain()
            del self._store.running[record.number]
            fleet.give_back(environment)
        log.write_last(f"END RequestId: {call.request_id}")
        log.write_last(record.summary_line(function.memory_mb))
        self._store.add(record, log.size)
        self._callbacks.call(self.on_record, record)
        return record, answer

    async def _deliver(
        self,
        environment: ExecutionEnvironment,
        call: Call,
        record: InvocationRecord,
        log: InvocationLog,
    ) -> Answer:
        """Deliver a call; what fails in the service is an attempt that failed."""
        try:
            return await deliver(environment, call, record, log)
        except Exception as error:
            environment.retired = True
            message = f"the local Lambda failed: {exhaustion.describe(error)}"
            logger.error(
                "request %s: %s",
                *(call.request_id, message),
                # A resource that ran out says all by itself.
                exc_info=None if isinstance(error, OSError) else error,
            )
            answer = Answer.failure(call.request_id, "ServiceException", message)
            record.status, record.error = "service_error", answer.describe()
            log.write_last(record.error)
            return answer
