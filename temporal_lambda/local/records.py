"""Records of the local Lambda's invocations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from temporal_lambda.local.function import LATEST

Status = Literal["success", "error", "timeout", "crash", "init_error", "service_error"]
InvocationType = Literal["RequestResponse", "Event"]


@dataclass
class InvocationRecord:
    """One invocation, with what AWS would have billed for it once it has ended.

    Attributes:
        number: Counts the service's invocations from 1.
        request_id: Lambda's request id; all deliveries of an Event share it.
        function: The function's name.
        environment: Number of the execution environment, from 1.
        invocation_type: ``RequestResponse`` or ``Event``.
        attempt: 1 for the first delivery.
        cold: Whether the environment was started for it.
        started_at: When the handler was called (UTC).
        init_ms: Milliseconds of init, on a cold start; ``None`` with SnapStart, where init belongs
            to the publishing of the version.
        restore_ms: Milliseconds of the restore, on the first invocation after one (SnapStart): the
            hooks that run after it, and not the time in which AWS loads a snapshot.
        duration_ms: Milliseconds until the runtime asked for the next invocation.
        billed_ms: Duration plus init or restore, rounded up to 1 ms, as AWS bills zip functions.
        max_memory_mb: Peak resident memory of the environment; ``None`` where ``/proc`` is missing.
        status: How it ended; ``service_error`` if the local Lambda itself failed.
        error: ``errorType: errorMessage``, if it failed.
        log: The log lines, START to REPORT; bounded in number and bytes.
        report: The report line of the worker, if the handler wrote one.
        tasks_so_far: Tasks by kind, as the worker tells them while it runs: at most some tenths of
            a second old. ``None`` if it has told nothing.
        pid: Process id of the runtime.
        version: The function's version.
    """

    number: int
    request_id: str
    function: str
    environment: int
    invocation_type: InvocationType
    attempt: int
    cold: bool
    started_at: datetime
    pid: int
    init_ms: float | None = None
    restore_ms: float | None = None
    duration_ms: float = 0.0
    max_memory_mb: int | None = None
    status: Status = "success"
    error: str | None = None
    log: list[str] = field(default_factory=list, repr=False)
    report: dict[str, Any] | None = field(default=None, repr=False)
    version: str = LATEST
    tasks_so_far: Mapping[str, int] | None = field(default=None, repr=False)

    @property
    def tasks(self) -> Mapping[str, int] | None:
        """Tasks begun, by kind: those of the report, else those that were told so far."""
        reported: Mapping[str, int] | None = (self.report or {}).get("tasks")
        return self.tasks_so_far if reported is None else reported

    @property
    def billed_ms(self) -> int:
        """What AWS would bill, in milliseconds."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0) + (self.restore_ms or 0.0))

    def summary_line(self, memory_mb: int) -> str:
        """Lambda's REPORT line."""
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_ms} ms",
            f"Memory Size: {memory_mb} MB",
        ]
        if self.max_memory_mb is not None:
            parts.append(f"Max Memory Used: {self.max_memory_mb} MB")
        if self.init_ms is not None:
            parts.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.restore_ms is not None:
            parts.append(f"Restore Duration: {self.restore_ms:.2f} ms")
            parts.append(f"Billed Restore Duration: {math.ceil(self.restore_ms)} ms")
        return "\t".join(parts)


DropReason = Literal["RetriesExhausted", "EventAgeExceeded", "ServiceStopped"]


@dataclass(frozen=True)
class DroppedEvent:
    """An Event invocation that was discarded; AWS sends it to the failure destination.

    Attributes:
        request_id: Its request id.
        function: The function's name.
        payload: The event, as bytes of JSON; empty if it was dropped to save memory.
        reason: ``RetriesExhausted`` or ``EventAgeExceeded``, as AWS names them; or
            ``ServiceStopped`` if the service stopped before it could be delivered.
        attempts: How often it was delivered.
        error: ``errorType: errorMessage`` of its last attempt; ``None`` if there was none.
    """

    request_id: str
    function: str
    payload: bytes = field(repr=False)
    reason: DropReason
    attempts: int
    error: str | None = None
