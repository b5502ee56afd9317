"""Information about the current invocation, for the configure callback and shutdown hooks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporal_lambda.deadline import Deadline
from temporal_lambda.report import InvocationReport, milliseconds


class InvocationInfo:
    """The current invocation, as ``config.invocation``.

    The configure callback can read the request id, the ARN and the remaining time. Shutdown hooks
    can also read the report so far: why the work ended, and with which result.

    Args:
        request_id: Lambda's request id, ``None`` outside Lambda.
        function_arn: The ARN the function was invoked by, ``None`` outside Lambda.
        cold: Whether this is the first invocation of its execution environment.
        deadline: When Lambda ends the invocation; none by default.
        begun_at: When the handler was entered, seconds since the epoch; now by default.
        report: The report that the invocation fills in.

    Attributes:
        last_steps: Name and function of steps that run after hooks and teardown, with the same
            bounds; for steps that need the outcome of these.
        when_over: Functions that are called when the invocation has been reported.

    Example:
        >>> from temporal_lambda import LambdaWorkerConfig
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     print(f"request {config.invocation.request_id}, cold: {config.invocation.cold}")
        >>> configure(LambdaWorkerConfig())
        request None, cold: True
    """

    def __init__(
        self,
        request_id: str | None = None,
        function_arn: str | None = None,
        *,
        cold: bool = True,
        deadline: Deadline | None = None,
        begun_at: float | None = None,
        report: InvocationReport | None = None,
    ) -> None:
        self.request_id = request_id
        self.function_arn = function_arn
        self.cold = cold
        self.begun_at = time.time() if begun_at is None else begun_at
        self._deadline = deadline or Deadline()
        self._begun = self._deadline.clock()
        self._report = report or InvocationReport(request_id, cold)
        self._step_left: Callable[[], float] | None = None
        self._error: Callable[[], BaseException | None] = lambda: None
        self.last_steps: list[tuple[str, Callable[[], Any]]] = []
        self.when_over: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        """The request id, and whether this is a cold start."""
        return f"InvocationInfo({self.request_id!r}, cold={self.cold})"

    @property
    def identity(self) -> str | None:
        """``<request id>@<function arn>``, the worker's identity; ``None`` outside Lambda."""
        if self.request_id is None and self.function_arn is None:
            return None
        return f"{self.request_id or 'unknown'}@{self.function_arn or 'unknown'}"

    def elapsed(self) -> float:
        """Seconds since the handler was entered."""
        return self._deadline.clock() - self._begun

    def remaining_time(self) -> timedelta | None:
        """Time until Lambda ends the invocation; ``None`` if there is no deadline."""
        return _timedelta(self._deadline.remaining())

    def remaining_hook_time(self) -> timedelta | None:
        """Time the running shutdown hook or teardown may still take before it is abandoned.

        Returns:
            The time, never negative; ``None`` while neither is running.
        """
        return _timedelta(self._step_left() if self._step_left else math.inf)

    def report(self) -> dict[str, Any]:
        """The report as it is now, as plain JSON values; ``duration_ms`` counts until now.

        In a shutdown hook it is complete except for the hooks themselves: ``tasks``, ``busy_ms``,
        ``idle_ms``, ``stop_reason``, ``abandoned``, ``errors``.
        """
        return {**self._report.as_dict(), "duration_ms": milliseconds(self.elapsed())}

    @property
    def error(self) -> BaseException | None:
        """For hooks and teardown: the error that the handler is going to raise.

        ``None`` while the invocation has succeeded so far.
        """
        return self._error()

    def over(self) -> None:
        """Note that the invocation has been reported, and nothing more comes of it."""
        while self.when_over:
            self.when_over.pop()()

    def bound_steps(
        self, left: Callable[[], float], error: Callable[[], BaseException | None]
    ) -> None:
        """Set what hooks can ask for; called before the first one runs.

        Args:
            left: Returns the seconds that the running hook or teardown may still take.
            error: Returns what has failed so far.
        """
        self._step_left = left
        self._error = error


def _timedelta(seconds: float) -> timedelta | None:
    return None if seconds == math.inf else timedelta(seconds=max(0.0, seconds))
