"""The time an invocation has, and how it is shared out among the phases.

Arithmetic: the clock comes from outside, and the deadline is read once. All times are
seconds; ``math.inf`` stands for an invocation without deadline.

```
start   work ends   closed          drain ends   hooks and teardown end   deadline
|- work -|-soft close-|------ drain ------|------ hooks, teardown ------|-- margin --|
                      |<---------------- shutdown_deadline_buffer ------------------>|
```
"""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import NamedTuple

from temporal_lambda.deadline import Clock, Deadline
from temporal_lambda.errors import DeadlineError

logger = logging.getLogger("temporal_lambda.budget")

MARGIN = 0.5
"""Seconds before the deadline by which the handler is back (200 ms promised, the rest is slack
for a busy two-core machine)."""

SHORTEST_WORK = 1.0
"""Seconds of work below which an invocation refuses to start, as the contrib module does."""

SHORT_WORK = 5.0
"""Seconds of work below which an invocation warns, as the contrib module does."""

SOFT_CLOSE = 1.0
"""Seconds before the drain in which no new work is taken in; after a second without arrivals the
next one is too unlikely to wait for."""

RESULT_CLOSE = 0.25
"""Seconds of it when somebody waits for a result: long enough to see that nothing follows (the
settle time of ``tracking/slots.py``). The whole second would only help where tasks arrive so often
that they use up the open polls."""

SOFT_CLOSE_SHARE = 1 / 3
"""The part of a short working time that the soft close may use at most."""

REACTION = 0.25
"""Seconds of the drain kept for cancelled activities to react, however small the buffer."""

TERMINATION = 0.5
"""Seconds between SIGTERM and SIGKILL that Lambda grants where an internal extension is registered;
with an external one it is up to 2 s, which nobody tells us."""

HAND_BACK = 0.25
"""Seconds that telling the server of abandoned activities may take, before the hooks run."""

LEAST_TAIL = 1.0
"""Seconds kept for hooks, teardown and margin when the buffer leaves nothing beyond the drain."""


class Closing(NamedTuple):
    """The moments that bound the end of an invocation, fixed when the work ends."""

    drain_end: float
    hooks_end: float
    clock: Clock

    def drain_left(self) -> float:
        """Seconds the drain may still take."""
        return max(0.0, self.drain_end - self.clock())

    def hooks_left(self) -> float:
        """Seconds all remaining hooks and the teardown may still take together."""
        return max(0.0, self.hooks_end - self.clock())


class Budget(NamedTuple):
    """A deadline, shared out.

    Args:
        deadline: When Lambda ends the invocation.
        buffer: ``shutdown_deadline_buffer``, seconds.
        graceful_timeout: The worker's ``graceful_shutdown_timeout``, seconds.

        soft_close: Seconds in which no new work is taken in before the drain begins.

    Example:
        >>> budget = Budget(Deadline(at=60.0, clock=lambda: 0.0), 7.0, 5.0, soft_close=1.0)
        >>> budget.work_left(), budget.soft_close_left()
        (52.0, 1.0)
        >>> closing = budget.close()
        >>> closing.drain_left(), closing.hooks_left()
        (5.5, 6.5)
    """

    deadline: Deadline
    buffer: float
    graceful_timeout: float
    soft_close: float = SOFT_CLOSE

    @classmethod
    def share(cls, deadline: Deadline, buffer: timedelta, graceful_timeout: timedelta) -> Budget:
        """Share out a deadline by the two settings a user sees."""
        working = max(0.0, deadline.remaining() - buffer.total_seconds())
        return cls(
            deadline,
            buffer.total_seconds(),
            graceful_timeout.total_seconds(),
            min(SOFT_CLOSE, SOFT_CLOSE_SHARE * working),
        )

    def work_left(self) -> float:
        """Seconds until the work must end; never negative, infinite without a deadline."""
        return max(0.0, self.deadline.remaining() - self.buffer - self.soft_close)

    def require_work(self) -> None:
        """Make sure that there is time to work in.

        Raises:
            DeadlineError: There is not.
        """
        remaining = self.deadline.remaining()
        if remaining - self.buffer <= SHORTEST_WORK:
            raise DeadlineError(
                f"Lambda timeout is too short: {remaining:.1f}s are left and {self.buffer:.1f}s of "
                "them are kept for the shutdown. Increase the function timeout, or lower "
                "shutdown_deadline_buffer (and graceful_shutdown_timeout with it)"
            )
        if remaining - self.buffer < SHORT_WORK:
            logger.warning(
                "Lambda timeout leaves less than 5s for work: %.1fs are left and %.1fs of them "
                "are kept for the shutdown",
                remaining,
                self.buffer,
            )

    def soft_close_left(self, *, awaited: bool = False) -> float:
        """Seconds the soft close may take from now; never negative.

        Args:
            awaited: Whether somebody waits for the invocation's result.
        """
        most = min(self.soft_close, RESULT_CLOSE) if awaited else self.soft_close
        return min(most, self.idle_close_left())

    def overtime_left(self) -> float:
        """Seconds of the drain that a soft close may use up from now without harm; never negative.

        They are what the graceful timeout, the reaction of cancelled activities and the tail leave
        of the buffer: a quarter of a second by default.
        """
        slack = self.buffer - self.tail - REACTION - self.graceful_timeout
        return max(0.0, min(slack, self.deadline.remaining() - self.buffer + slack))

    def idle_close_left(self) -> float:
        """Seconds that closing because of idleness may take from now; never negative."""
        return max(0.0, self.deadline.remaining() - self.buffer)

    @property
    def tail(self) -> float:
        """Seconds at the end that belong to hooks, teardown and margin alone.

        Three quarters of what the buffer holds beyond the graceful timeout: the first quarter is
        the drain's, for cancelled activities to finish.
        """
        return max(LEAST_TAIL, 0.75 * (self.buffer - self.graceful_timeout))

    @property
    def fitting_graceful_timeout(self) -> float:
        """The graceful timeout, or what of it lets cancelled activities react within the drain."""
        return max(0.0, min(self.graceful_timeout, self.buffer - self.tail - REACTION))

    def setup_left(self) -> float:
        """Seconds until hooks must begin, whatever else is going on."""
        remaining = self.deadline.remaining()
        return remaining if remaining == math.inf else remaining - self._tail_within(remaining)

    def hurry(self, seconds: float) -> Budget:
        """A budget that has to close within so many seconds from now, or sooner.

        Example:
            >>> budget = Budget(Deadline(at=60.0, clock=lambda: 0.0), 7.0, 5.0)
            >>> budget.hurry(0.5).close().hooks_left()
            0.35
        """
        at = min(self.deadline.at, self.deadline.clock() + seconds)
        return Budget(self.deadline._replace(at=at), seconds, 0.0, soft_close=0.0)

    def close(self) -> Closing:
        """Fix the moments of drain and hooks, counted from now.

        A shutdown that begins early takes no longer than one that begins at the deadline: its
        window is the buffer, and shrinks only where less than that is left.
        """
        now = self.deadline.clock()
        window = min(self.buffer, self.deadline.remaining())
        tail = self._tail_within(window)
        margin = min(MARGIN, 0.5 * tail)
        return Closing(now + window - tail, now + window - margin, self.deadline.clock)

    def _tail_within(self, window: float) -> float:
        return min(self.tail, 0.6 * window)
