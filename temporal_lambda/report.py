"""InvocationReport -> one log line."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from temporal_lambda.cloudwatch_metrics import DEFAULT_SHAPE, Shape, embedded_metrics
from temporal_lambda.deadline import Clock
from temporal_lambda.errors import causes, text_of
from temporal_lambda.outgoing import (
    MOST_ABANDONED,
    MOST_ERRORS,
    Redact,
    cut,
    first_of,
    in_texts,
    redacted,
)
from temporal_lambda.process import initialization, memory_mb

logger = logging.getLogger(__name__)

INVOCATION = "temporal_lambda invocation"
"""How an invocation's line begins, for programs that parse logs."""

WORKER = "temporal_lambda worker"
"""How the line begins that a cold start adds: what the worker serves."""


LONGEST_NAME = 500
"""Characters of a name in a line, of a hook or a workflow's id for instance."""

WORTH_A_WORD = 1.0
"""Seconds of idling in one invocation, below which nothing is said."""


@dataclass(eq=False, repr=False)
class InvocationReport:
    """What happened in one invocation.

    Attributes:
        request_id: Lambda's request id, or ``None`` outside Lambda.
        duration_ms: Milliseconds from the handler's entry to this report.
        cold: Whether this was the first invocation of its process.
        initialization: How Lambda began the process, ``on-demand`` or ``snap-start`` for instance:
            a cold invocation with ``snap-start`` is the first one after a restore. ``None`` outside
            Lambda.
        init_ms: Milliseconds from the beginning of the process to ``run_worker``, in the first
            invocation of a process; ``None`` in others, after the restore of a snapshot, and
            outside Lambda.
        never_ended: The invocation before this one in its execution environment, if it was killed:
            its request id, when it began and when its time was over; else ``None``.
        phases: Milliseconds per phase, in the order they ran.
        tasks: Tasks begun, by kind; ``None`` if a custom tuner hides them.
        tasks_by_queue: The same for each task queue; ``None`` if there is but one.
        busy_ms: Milliseconds with at least one task in flight; ``None`` if a custom tuner hides the
            tasks.
        idle_ms: Milliseconds of the work phase without a task in flight; ``None`` if a custom tuner
            hides the tasks.
        stop_reason: ``deadline``, ``idle``, ``result``, ``signal``, ``worker`` (it ended by
            itself) or ``error``; ``None`` if the work never began.
        connection: ``new``, ``reused`` or ``replaced``; ``None`` if the invocation failed before it
            connected.
        memory_mb: Resident memory at the end, in megabytes; ``None`` where there is no ``/proc``.
        peak_memory_mb: Peak resident memory since the process began, in megabytes; ``None`` where
            there is no ``/proc``.
        abandoned: What did not stop in time: activities, hooks, teardown, or a blocked event loop.
        recycled: Whether the process was ended after this report, with all that was abandoned;
            otherwise that stays behind in it.
        errors: The errors raised, as ``phase: type: message``, each with its causes.
        advice: What would make later invocations cheaper, said once per execution environment.
        redaction: Returns the user's function for what leaves of errors and names.
    """

    request_id: str | None
    cold: bool
    phases: dict[str, float] = field(default_factory=dict)
    tasks: Mapping[str, int] | None = None
    tasks_by_queue: Mapping[str, Mapping[str, int]] | None = None
    busy_ms: float | None = None
    idle_ms: float | None = None
    stop_reason: str | None = None
    connection: str | None = None
    duration_ms: float | None = None
    memory_mb: float | None = None
    peak_memory_mb: float | None = None
    abandoned: list[dict[str, Any]] = field(default_factory=list)
    recycled: bool = False
    initialization: str | None = field(default_factory=initialization)
    init_ms: float | None = None
    never_ended: Mapping[str, Any] | None = None
    errors: list[str] = field(default_factory=list)
    advice: str | None = None
    redaction: Callable[[], Redact | None] = lambda: None
    _running: tuple[str, float] = field(default=("configure", 0.0), repr=False)

    @contextmanager
    def phase(self, name: str, clock: Clock) -> Iterator[None]:
        """Measure the time of a phase, however it ends."""
        self._running = (name, clock())
        try:
            yield
        finally:
            self.leave_phase(name, clock)

    def leave_phase(self, name: str, clock: Clock) -> None:
        """End a phase, unless the supervisor has already ended it."""
        running, begun = self._running
        if running == name:
            self.phases.setdefault(name, milliseconds(clock() - begun))

    @property
    def current_phase(self) -> str:
        """The running phase, or the last one."""
        return self._running[0]

    def count(
        self,
        tasks: Mapping[Any, int],
        busy_seconds: float,
        by_queue: Mapping[str, Mapping[Any, int]] | None = None,
    ) -> None:
        """Take over the counts of the slots."""
        self.tasks = {str(kind): count for kind, count in tasks.items()}
        self.tasks_by_queue = by_queue
        self.busy_ms = milliseconds(busy_seconds)
        self.idle_ms = max(0.0, round(self.phases.get("work", 0.0) - self.busy_ms, 1))

    def failed(self, error: BaseException, where: str | None = None) -> None:
        """Record an error of the current phase, or of ``where``."""
        chain = " caused by ".join(
            f"{type(part).__name__}: {text_of(part)}" for part in causes(error)
        )
        self.errors.append(cut(f"{where or self.current_phase}: {chain}"))

    def advise(self) -> bool:
        """Say what idling has cost an invocation without idle timeout; return whether it did.

        Example:
            >>> report = InvocationReport(None, cold=True, idle_ms=51_000.0, stop_reason="deadline")
            >>> report.advise(), report.advice
            (True, '51.0 s were billed without a task in flight: set idle_timeout = "auto"')
        """
        idle = (self.idle_ms or 0.0) / 1000
        if self.stop_reason != "deadline" or idle < WORTH_A_WORD:
            return False
        self.advice = (
            f'{idle:.1f} s were billed without a task in flight: set idle_timeout = "auto"'
        )
        return True

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, with what may leave of its texts."""
        redact = self.redaction()
        return {
            "request_id": self.request_id,
            "cold": self.cold,
            "initialization": self.initialization,
            "init_ms": self.init_ms,
            "never_ended": self.never_ended,
            "stop_reason": self.stop_reason,
            "tasks": self.tasks,
            "tasks_by_queue": self.tasks_by_queue,
            "busy_ms": self.busy_ms,
            "idle_ms": self.idle_ms,
            "connection": self.connection,
            "duration_ms": self.duration_ms,
            "memory_mb": self.memory_mb,
            "peak_memory_mb": self.peak_memory_mb,
            "phases_ms": self.phases,
            "abandoned": in_texts(self.abandoned, lambda text: redacted(text, redact)),
            "recycled": self.recycled,
            "errors": [redacted(error, redact) for error in self.errors],
            "advice": self.advice,
        }

    def measure(self, seconds: float) -> None:
        """Record the duration of the invocation and the memory of the process."""
        self.duration_ms = milliseconds(seconds)
        memory = memory_mb()
        self.memory_mb = memory.get("memory_mb")
        self.peak_memory_mb = memory.get("peak_memory_mb")

    def log(self) -> None:
        """Write the report to the log."""
        log_line(INVOCATION, shortened(self.as_dict()))

    def print_metrics(self, task_queue: str, shape: Shape = DEFAULT_SHAPE) -> None:
        """Print the report in a form from which CloudWatch extracts metrics.

        It is printed, not logged, since Lambda's text format would wrap the JSON object in text.
        The line has a level that Lambda's filter of JSON lines lets through.

        Args:
            task_queue: The task queue that was served.
            shape: Namespace and dimensions.
        """
        content = self.as_dict()
        now = datetime.now(timezone.utc)
        at_ms = round(now.timestamp() * 1000)
        metrics = embedded_metrics(content, task_queue, at_ms, shape)
        line = {
            "timestamp": now.isoformat(timespec="milliseconds"),
            "level": os.environ.get("AWS_LAMBDA_LOG_LEVEL") or "INFO",
            "message": INVOCATION,
            **metrics,
            "content": shortened(content),
        }
        print(json.dumps(line, default=str), flush=True)


def shortened(content: dict[str, Any]) -> dict[str, Any]:
    """A report whose line is no longer than CloudWatch accepts.

    Example:
        >>> report = {"errors": [], "abandoned": [{"hook": "h" * 9000}] * 300}
        >>> found = shortened(report)["abandoned"]
        >>> len(found), found[-1]
        (101, {'more': '200 entries'})
    """
    return {
        **content,
        "errors": first_of(content["errors"], MOST_ERRORS, lambda left: f"{left} more errors"),
        "abandoned": first_of(
            in_texts(content["abandoned"], lambda text: cut(text, LONGEST_NAME)),
            MOST_ABANDONED,
            lambda left: {"more": f"{left} entries"},
        ),
    }


def log_line(kind: str, content: Mapping[str, Any]) -> None:
    """Log one line: an object in Lambda's JSON log format, otherwise text that ends with JSON.

    Args:
        kind: How the line begins, ``INVOCATION`` or ``WORKER``.
        content: JSON values.
    """
    if logger.level == logging.NOTSET and not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        # Lambda's root logger stops at WARNING by default, which would hide every report.
        logger.setLevel(logging.INFO)
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        logger.info(kind, extra={"content": content})
    else:
        logger.info("%s %s", kind, json.dumps(content, default=str))


def find_line(kind: str, line: str) -> dict[str, Any] | None:
    """The content of such a line, read back from a log in either format.

    A function may print anything: whatever else a line holds, this raises nothing. What the content
    is made of is for the caller to check.

    Example:
        >>> find_line(INVOCATION, '[INFO] temporal_lambda invocation {"stop_reason": "idle"}')
        {'stop_reason': 'idle'}
    """
    _, marker, rest = line.partition(kind)
    if not marker:
        return None
    try:
        if line.startswith("{"):
            entry = json.loads(line)
            found = entry["content"] if entry["message"] == kind else None
        else:
            found = json.loads(rest)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def milliseconds(seconds: float) -> float:
    """Convert seconds to milliseconds, rounded as in the report.

    Example:
        >>> milliseconds(0.0012345)
        1.2
    """
    return round(seconds * 1000, 1)
