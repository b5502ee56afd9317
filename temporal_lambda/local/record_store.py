"""Keeps finished invocations and dropped events, within a bounded number of bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from temporal_lambda.local.records import DroppedEvent, InvocationRecord

MAX_RECORDS = 10_000
"""Invocations kept, and dropped events; older ones are forgotten, as a service may run for days."""

MAX_LOG_BYTES = 64 * 1024 * 1024
"""Bytes of log lines kept of all finished invocations; the oldest ones lose their logs first."""

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""Bytes of payloads kept of dropped events; the oldest ones lose their payloads first."""

LOG_GONE = "... the log is not kept any more"
"""Replaces the log of an invocation that lost it."""


class RecordStore:
    """The finished invocations and discarded events of a service.

    Attributes:
        running: Invocations under way, by number.
        records: Finished invocations, oldest first.
        dropped: Event invocations that were discarded, oldest first.
    """

    def __init__(self) -> None:
        self.records: deque[InvocationRecord] = deque(maxlen=MAX_RECORDS)
        self.running: dict[int, InvocationRecord] = {}
        self.dropped: list[DroppedEvent] = []
        self._log_bytes: deque[tuple[InvocationRecord, int]] = deque()
        self._total_log_bytes = 0
        self._payload_bytes = 0
        self._payloads_from = 0
        self._added = asyncio.Event()

    def add(self, record: InvocationRecord, log_bytes: int) -> None:
        """Keep a finished invocation.

        Args:
            record: The invocation.
            log_bytes: The size of its log lines.
        """
        self.records.append(record)
        self._log_bytes.append((record, log_bytes))
        self._total_log_bytes += log_bytes
        while self._total_log_bytes > MAX_LOG_BYTES or len(self._log_bytes) > MAX_RECORDS:
            oldest, size = self._log_bytes.popleft()
            oldest.log[:] = [LOG_GONE]
            self._total_log_bytes -= size
        self._added.set()

    def drop(self, event: DroppedEvent) -> None:
        """Keep a discarded event."""
        self.dropped.append(event)
        self._payload_bytes += len(event.payload)
        while self._payload_bytes > MAX_PAYLOAD_BYTES:
            oldest = self.dropped[self._payloads_from]
            self.dropped[self._payloads_from] = replace(oldest, payload=b"")
            self._payload_bytes -= len(oldest.payload)
            self._payloads_from += 1
        if len(self.dropped) > MAX_RECORDS:
            self._payload_bytes -= len(self.dropped.pop(0).payload)
            self._payloads_from = max(0, self._payloads_from - 1)

    async def wait_for(
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
                self._added.clear()
                await self._added.wait()

        return await asyncio.wait_for(wait(), timeout)
