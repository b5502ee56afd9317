"""The log of one invocation: bounded, and read for what the worker says about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.worker_lines import read_report, read_worker

MAX_LOG_LINES = 10_000
"""Log lines kept per invocation; a function may print without end."""

MAX_LOG_BYTES = 4 * 1024 * 1024
"""Bytes of log lines kept per invocation."""

LINE_OVERHEAD = 60
"""Bytes that a line takes besides its text (CPython's object and the list's slot, about)."""


class InvocationLog:
    """Collects the lines of an invocation as they arrive.

    Args:
        record: Receives the lines and the worker's report.
        on_line: Called with (request id, line) for each line, also for those that are not kept.
        on_worker: Called with what the worker serves, if it says so.
    """

    def __init__(
        self,
        record: InvocationRecord,
        on_line: Callable[[str, str], None],
        on_worker: Callable[[dict[str, Any]], None],
    ) -> None:
        self._record = record
        self._on_line = on_line
        self._on_worker = on_worker
        self._full = False
        self.size = 0

    def write(self, line: str) -> None:
        """Add a line of the function; keep it if there is room."""
        if not self._full:
            size = _size(line)
            if len(self._record.log) < MAX_LOG_LINES and self.size + size <= MAX_LOG_BYTES:
                self._append(line, size)
            else:
                self._full = True
                kept = len(self._record.log)
                self._append(f"... only the first {kept} lines are kept", 0)
        request_id = self._record.request_id
        if report := read_report(line, request_id):
            self._record.report = report
        elif serves := read_worker(line, request_id):
            self._on_worker(serves)
        self._on_line(request_id, line)

    def write_last(self, line: str) -> None:
        """Add a line of the service, which is always kept."""
        self._append(line, _size(line))
        self._on_line(self._record.request_id, line)

    def _append(self, line: str, size: int) -> None:
        self._record.log.append(line)
        self.size += size


def _size(line: str) -> int:
    """Bytes of memory, at most."""
    return LINE_OVERHEAD + len(line) * (1 if line.isascii() else 4)
