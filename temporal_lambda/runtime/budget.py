"""The time an invocation has, and how it is shared out among the phases.

A budget is a schedule: the moments by which each phase must be over, on a clock that comes from
outside. It is made once from the deadline, once more when the work ends early, and once more on
SIGTERM. All times are seconds; ``math.inf`` stands for an invocation without deadline.

```
start   work_end  close_end         drain_end                    hooks_end       deadline
|- work -|-soft close-|------ drain ------|------ hooks, teardown ------|-- margin --|
                      |<---------------- shutdown_deadline_buffer ------------------>|
```
"""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import NamedTuple

from temporal_lambda.deadline import Deadline
from temporal_lambda.errors import DeadlineError
from temporal_lambda.process import warn_once

logger = logging.getLogger("temporal_lambda.budget")

MARGIN = 0.5
"""Seconds before the deadline by which the handler is back (200 ms promised, the rest is slack
for a busy two-core machine)."""

SHORTEST_WORK = 1.0
"""Seconds of work below which an invocation refuses to start, as the contrib module does."""

SHORT_WORK = 5.0
"""Seconds of work below which an invocation warns, as the contrib module does."""

TOLERANCE = 0.5
"""Seconds it may be less without a warning: a 12 s function has a little less than 12 s left."""

EARLY_CLOSE = 2.0
"""Seconds a shutdown that begins early may take at least, however small the buffer."""

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
with an external one it is up to 2 s, but a function can't find out which."""

HAND_BACK = 0.25
"""Seconds that telling the server of abandoned activities may take, before the hooks run."""

LEAST_TAIL = 1.0
"""Seconds kept for hooks, teardown and margin when the buffer leaves nothing beyond the drain."""

TAIL_SHARE = 0.6
"""The part of a short shutdown that hooks, teardown and margin may use at most."""


class Budget(NamedTuple):
    """The moments by which the phases of an invocation must be over.

    Attributes:
        setup_end: When configuring must be over, so that hooks can begin.
        work_end: When the soft close begins, unless the work was over before.
        close_end: When the drain must begin.
        drain_end: When hooks must begin, whatever else is going on.
        hooks_end: When hooks and teardown must be over.
        deadline: When Lambda ends the invocation.
        buffer: ``shutdown_deadline_buffer``, seconds.
        graceful_timeout: The worker's ``graceful_shutdown_timeout``, seconds.
        fitting_graceful_timeout: It, or what of it lets cancelled activities react within the
            drain, seconds.
        overtime: Seconds of the drain that a soft close may use up without harm. They are what the
            graceful timeout, the reaction of cancelled activities and the tail leave of the buffer:
            a quarter of a second by default.

    Example:
        >>> deadline = Deadline(at=60.0, clock=lambda: 0.0)
        >>> budget = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5))
        >>> budget.work_end, budget.close_end, budget.drain_end, budget.hooks_end
        (52.0, 53.0, 58.5, 59.5)
        >>> budget.work_left(), budget.soft_close_left()
        (52.0, 1.0)
        >>> closing = budget.close()
        >>> closing.drain_left(), closing.hooks_left()
        (5.5, 6.5)
    """

    setup_end: float
    work_end: float
    close_end: float
    drain_end: float
    hooks_end: float
    deadline: Deadline
    buffer: float
    graceful_timeout: float
    fitting_graceful_timeout: float
    overtime: float

    @classmethod
    def share(
        cls,
        deadline: Deadline,
        buffer: timedelta,
        graceful_timeout: timedelta,
        *,
        closes_softly: bool = True,
    ) -> Budget:
        """Share out a deadline by the two settings a user sees.

        Args:
            deadline: When Lambda ends the invocation.
            buffer: The setting ``shutdown_deadline_buffer``.
            graceful_timeout: The setting of that name.
            closes_softly: Whether the worker can close softly, and needs time for that.
        """
        return cls._plan(
            deadline,
            buffer.total_seconds(),
            graceful_timeout.total_seconds(),
            soft_close=SOFT_CLOSE if closes_softly else 0.0,
        )

    @classmethod
    def _plan(
        cls, deadline: Deadline, buffer: float, graceful: float, *, soft_close: float = SOFT_CLOSE
    ) -> Budget:
        remaining = deadline.remaining()
        tail = _tail(buffer, graceful)
        overtime = max(0.0, buffer - tail - REACTION - graceful)
        fitting = fitting_graceful_timeout(buffer, graceful)
        if remaining == math.inf:
            setup_tail, tail, soft_close = 0.0, 0.0, 0.0
        else:
            setup_tail = min(tail, TAIL_SHARE * remaining)
            tail = min(tail, TAIL_SHARE * min(buffer, remaining))
            soft_close = min(soft_close, SOFT_CLOSE_SHARE * max(0.0, remaining - buffer))
        return cls(
            setup_end=deadline.at - setup_tail,
            work_end=deadline.at - buffer - soft_close,
            close_end=deadline.at - buffer,
            drain_end=deadline.at - tail,
            hooks_end=deadline.at - min(MARGIN, 0.5 * tail),
            deadline=deadline,
            buffer=buffer,
            graceful_timeout=graceful,
            fitting_graceful_timeout=fitting,
            overtime=overtime,
        )

    @property
    def now(self) -> float:
        """The moment it is."""
        return self.deadline.clock()

    def setup_left(self) -> float:
        """Seconds until hooks must begin while nothing has been set up; never negative."""
        return self._until(self.setup_end)

    def work_left(self) -> float:
        """Seconds until the work must end; never negative, infinite without a deadline."""
        return self._until(self.work_end)

    def idle_close_left(self) -> float:
        """Seconds that closing because of idleness may take from now; never negative."""
        return self._until(self.close_end)

    def soft_close_left(self, *, awaited: bool = False) -> float:
        """Seconds the soft close may take from now; never negative.

        Args:
            awaited: Whether somebody waits for the invocation's result.
        """
        whole = self.close_end - self.work_end if self.close_end < math.inf else SOFT_CLOSE
        return min(whole, RESULT_CLOSE if awaited else SOFT_CLOSE, self.idle_close_left())

    def overtime_left(self) -> float:
        """Seconds of the drain that a soft close may use up from now; never negative."""
        return min(self.overtime, self._until(self.close_end + self.overtime))

    def drain_left(self) -> float:
        """Seconds the drain may still take; never negative."""
        return self._until(self.drain_end)

    def hooks_left(self) -> float:
        """Seconds all remaining hooks and the teardown may still take together; never negative."""
        return self._until(self.hooks_end)

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
        if remaining - self.buffer < SHORT_WORK - TOLERANCE:
            warn_once(
                logger,
                "Lambda timeout leaves less than 5s for work: %.1fs are left and %.1fs of them "
                "are kept for the shutdown",
                remaining,
                self.buffer,
            )

    def close(self) -> Budget:
        """The budget of a shutdown that begins now.

        A shutdown that begins early takes no longer than one that begins at the deadline: it gets
        the buffer, or 2 s if that is more, and less only where less is left.
        """
        seconds = max(self.buffer, EARLY_CLOSE)
        return self._plan(self._sooner(seconds), seconds, self.graceful_timeout)

    def hurry(self, seconds: float) -> Budget:
        """The budget of an invocation that has to end within so many seconds from now, or sooner.

        Example:
            >>> deadline = Deadline(at=60.0, clock=lambda: 0.0)
            >>> budget = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5))
            >>> budget.hurry(0.5).hooks_left()
            0.35
        """
        return self._plan(self._sooner(seconds), seconds, 0.0, soft_close=0.0)

    def _sooner(self, seconds: float) -> Deadline:
        return self.deadline._replace(at=min(self.deadline.at, self.now + seconds))

    def _until(self, moment: float) -> float:
        return max(0.0, moment - self.now)


def fitting_graceful_timeout(buffer: float, graceful: float) -> float:
    """What of a graceful timeout lets cancelled activities react within the buffer, seconds.

    Example:
        >>> fitting_graceful_timeout(buffer=7.0, graceful=5.0)
        5.0
        >>> fitting_graceful_timeout(buffer=5.0, graceful=5.0)
        3.75
    """
    return max(0.0, min(graceful, buffer - _tail(buffer, graceful) - REACTION))


def _tail(buffer: float, graceful: float) -> float:
    # Three quarters of what the buffer holds beyond the graceful timeout belong to hooks, teardown
    # and margin; the first quarter is the drain's, for cancelled activities to finish.
    return max(LEAST_TAIL, 0.75 * (buffer - graceful))
