"""The moment at which Lambda ends the invocation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

Clock = Callable[[], float]


class Deadline(NamedTuple):
    """The moment Lambda ends the invocation, on a monotonic clock.

    Args:
        at: The moment, in seconds of ``clock``; ``math.inf`` for none.
        clock: Returns seconds; a test may replace ``time.monotonic``.

    Example:
        >>> deadline = Deadline(at=112.0, clock=lambda: 100.0)
        >>> deadline.remaining()
        12.0
    """

    at: float = math.inf
    clock: Clock = time.monotonic

    @classmethod
    def of(cls, context: Any, clock: Clock = time.monotonic) -> Deadline:
        """Read the deadline of a Lambda context.

        Args:
            context: What Lambda passes to the handler. Without a
                ``get_remaining_time_in_millis`` method there is no deadline.
            clock: Returns seconds.
        """
        remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
        if remaining_ms is None:
            return cls(math.inf, clock)
        return cls(clock() + remaining_ms() / 1000, clock)

    def remaining(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self.at - self.clock())
