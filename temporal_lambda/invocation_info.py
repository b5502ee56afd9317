"""What a configure callback and its hooks can know about the invocation they belong to."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporal_lambda.deadline import Deadline
from temporal_lambda.report import InvocationReport, milliseconds


class InvocationInfo:
    """The invocation a configuration was made for.

    Known from the beginning: who asked, and how much time there is. Known to shutdown hooks: why
    the work ended, and what came of it.

    Args:
        request_id: Lambda's request id, ``None`` outside Lambda.
        function_arn: The ARN the function was invoked by, ``None`` outside Lambda.
        cold: Whether this is the first invocation of its execution environment.
        deadline: When Lambda ends the invocation; none by default.
        begun_at: When the handler was entered, seconds since the epoch; now by default.
        report: Where the invocation notes what happens.

    Attributes:
        last_steps: What runs after the hooks and the teardown, by name, bounded as they are; for
            what has to see how these have ended.

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
        self.last_steps: list[tuple[str, Callable[[], Any]]] = []

    def __repr__(self) -> str:
        """The request id, and whether the environment is new."""
        return f"InvocationInfo({self.request_id!r}, cold={self.cold})"

    @property
    def identity(self) -> str | None:
        """``<request id>@<function arn>``, which its worker polls under; ``None`` elsewhere."""
        if self.request_id is None and self.function_arn is None:
            return None
        return f"{self.request_id or 'unknown'}@{self.function_arn or 'unknown'}"

    def elapsed(self) -> float:
        """Seconds since the handler was entered."""
        return self._deadline.clock() - self._begun

    def remaining_time(self) -> timedelta | None:
        """How long until Lambda ends the invocation; ``None`` where it has no deadline."""
        return _timedelta(self._deadline.remaining())

    def remaining_hook_time(self) -> timedelta | None:
        """How long the shutdown hook or the teardown that runs now may still take.

        After that it is abandoned, and the next one gets its turn.

        Returns:
            The time, never negative; ``None`` while neither runs.
        """
        return _timedelta(self._step_left() if self._step_left else math.inf)

    def report(self) -> dict[str, Any]:
        """What the report would say now, with ``duration_ms`` until now.

        Complete in shutdown hooks but for the hooks themselves: tasks, busy and idle milliseconds,
        ``stop_reason``, what was abandoned, errors.
        """
        return {**self._report.as_dict(), "duration_ms": milliseconds(self.elapsed())}

    def bound_steps(self, left: Callable[[], float]) -> None:
        """Let hooks and teardown know their time; called before the first of them runs.

        Args:
            left: Returns the seconds that the running one may still take.
        """
        self._step_left = left


def _timedelta(seconds: float) -> timedelta | None:
    return None if seconds == math.inf else timedelta(seconds=max(0.0, seconds))
