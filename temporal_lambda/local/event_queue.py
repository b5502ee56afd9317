"""Asynchronous invocations (``Event``): retried as on AWS, and recorded if they are discarded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from temporal_lambda.local import exhaustion
from temporal_lambda.local.calls import Call
from temporal_lambda.local.fleet import Fleet
from temporal_lambda.local.record_store import RecordStore
from temporal_lambda.local.records import DroppedEvent, DropReason, InvocationRecord

logger = logging.getLogger(__name__)

MAX_QUEUED_BYTES = 512 * 1024 * 1024
"""Bytes of payloads that wait; above it, Event calls are throttled."""

Run = Callable[[Fleet, Call, int], Awaitable[InvocationRecord]]


class ThrottledError(Exception):
    """All execution environments a function may have are busy, or the queue of events is full."""


@dataclass
class _Queued:
    call: Call
    function: str
    attempts: int = 0
    error: str | None = None


class EventQueue:
    """Events that were accepted and have not been completed.

    Args:
        run: Makes one attempt at a call, with its number from 1.
        store: Keeps the events that are discarded.
    """

    def __init__(self, run: Run, store: RecordStore) -> None:
        self._run = run
        self._store = store
        self._bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, fleet: Fleet, call: Call) -> None:
        """Accept an event.

        Args:
            fleet: The environments of its function.
            call: The event.

        Raises:
            ThrottledError: Too many bytes are waiting already.
        """
        if self._bytes + len(call.payload) > MAX_QUEUED_BYTES:
            raise ThrottledError(f"{self._bytes} bytes of events wait already")
        self._bytes += len(call.payload)
        task = asyncio.get_running_loop().create_task(self._deliver(fleet, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Discard the waiting events, and cancel the running ones."""
        waiting = list(self._tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if waiting:
            logger.warning("the local Lambda stopped; events that were not done: %d", len(waiting))

    async def _deliver(self, fleet: Fleet, call: Call) -> None:
        event = _Queued(call, fleet.function.name)
        # What holds if this is cancelled.
        reason: DropReason | None = "ServiceStopped"
        try:
            reason = await self._try(fleet, event)
        except Exception as error:
            logger.exception("event %s can't be delivered", call.request_id)
            event.error, reason = exhaustion.describe(error), "RetriesExhausted"
        finally:
            self._bytes -= len(call.payload)
            if reason:
                self._drop(event, reason)

    async def _try(self, fleet: Fleet, event: _Queued) -> DropReason | None:
        """Deliver an event until it succeeds; why not, if it doesn't."""
        function = fleet.function
        gives_up = time.monotonic() + function.max_event_age.total_seconds()
        pauses = [0.0, *(delay.total_seconds() for delay in function.retry_delays)]
        for pause in pauses[: function.retries + 1]:
            await asyncio.sleep(pause)
            if not await fleet.wait_for_room(gives_up - time.monotonic()):
                return "EventAgeExceeded"
            event.attempts += 1
            record = await self._run(fleet, replace(event.call), event.attempts)
            if record.status == "success":
                return None
            event.error = record.error
        return "RetriesExhausted"

    def _drop(self, event: _Queued, reason: DropReason) -> None:
        call = event.call
        if reason != "ServiceStopped":
            logger.warning(
                "event %s for %s was dropped after %d attempts: %s, last error: %s",
                *(call.request_id, event.function, event.attempts, reason, event.error),
            )
        self._store.drop(
            DroppedEvent(
                call.request_id, event.function, call.payload, reason, event.attempts, event.error
            )
        )
