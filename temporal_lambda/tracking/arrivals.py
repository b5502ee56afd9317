"""What an execution environment has seen of the work that comes from outside, and what waiting for
the next of it is worth.

It outlives the invocations: its moments are on the wall clock, since in a frozen environment a
monotonic clock may stand still.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

from temporal_lambda.deadline import Clock
from temporal_lambda.tracking.returns import OVERDUE
from temporal_lambda.tracking.slots import Kind

COMING_BACK = 0.4
"""Seconds of idling that cost as much as leaving and coming back: 0.05 s are billed for the end and
the start of an invocation; the task waits 0.12 s for it, a second of which is taken to be worth a
second billed; and where arrivals are so frequent that this decides anything, about two closings in
a hundred cost one of them 10 s (docs/closing.md)."""

ACCEPTED_RISK = 1 / 500
"""The part of the closings that may lose a task."""

LOSS_WINDOW = 0.01
"""Seconds around the end of an open poll in which a task that is given to it is lost: from the
server's decision until its arrival. Measured 6 to 19 ms, on an idle machine and on a busy one."""

LOOK_AHEAD = 0.3
"""Seconds in which nothing comes, if nothing has in that time of so many gaps."""

ENOUGH_GAPS = 24
"""How many gaps show that arrivals are not random: at one a second, so many are all longer than
``LOOK_AHEAD`` once in a thousand times."""

GAPS_KEPT = 32
"""Enough for an average, few enough to notice within minutes that times have changed."""

LEAST_GAPS = 3
"""Before that many have been seen, nothing is known."""

MOST_OF_IT = 0.9
"""The part of the cost of leaving at once that waiting may cost at most: by chance, a few short
gaps among long ones would always have been worth a little waiting."""

SLACK = 0.1
"""Seconds to wait beyond a gap that is worth waiting for: else work that comes at regular intervals
would come into the closing."""

CONTROLLER_SECONDS = 0.1
"""From a task that finds no poller to the invocation that comes for it."""

CALLERS_REMEMBERED = 60.0
"""Seconds after a query or a Nexus operation in which another is to be expected."""


class Arrivals:
    """The gaps between arrivals, in this environment's recent past.

    A gap is the time without a task in flight, beyond the settle time, until a task comes that
    nobody could know of. The slots' threads write here, the loop reads.

    Args:
        wall_clock: Returns seconds since the epoch.

    Example:
        >>> from itertools import count
        >>> arrivals = Arrivals(count(step=0.1).__next__)
        >>> for _ in range(3):
        ...     arrivals.rested()
        ...     arrivals.came(settle=0.05)
        >>> round(arrivals.worth_waiting(), 2)  # Gaps of 0.05 s, and the slack.
        0.15
    """

    def __init__(self, wall_clock: Clock = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._gaps: deque[float] = deque(maxlen=GAPS_KEPT)
        self._kinds: deque[Kind] = deque(maxlen=GAPS_KEPT)
        self._rested_at: float | None = None
        self._waited = 0.0
        self._expected: list[float] = []
        self._called_at = float("-inf")

    def rested(self) -> None:
        """Nothing is in flight from now on."""
        with self._lock:
            self._rested_at = self._wall_clock()

    def came(
        self,
        *,
        settle: float,
        known: bool = False,
        late: float = 0.0,
        kind: Kind = "workflow",
    ) -> None:
        """A task came when nothing was in flight.

        Args:
            kind: What kind of task it is.
            settle: Seconds within which it belongs to the work before it.
            known: Whether it was known to come back.
            late: Seconds for which it has waited for this invocation.
        """
        with self._lock:
            at = self._wall_clock() - late
            if self._rested_at is None:
                return
            gap = at - self._rested_at - settle
            self._rested_at = None
            if gap <= 0:
                return
            self._waited += gap
            if known or self._was_expected(at):
                return
            self._gaps.append(self._waited)
            self._kinds.append(kind)
            self._waited = 0.0

    def _was_expected(self, at: float) -> bool:
        return any(due - CONTROLLER_SECONDS <= at <= due + OVERDUE for due in self._expected)

    def left(self, expected: Iterable[float]) -> None:
        """An invocation has left what will come back to the next one.

        Args:
            expected: The moments, seconds since the epoch.
        """
        with self._lock:
            earliest = self._wall_clock() - OVERDUE
            self._expected = [due for due in [*self._expected, *expected] if due > earliest]
            del self._expected[:-GAPS_KEPT]

    def worth_waiting(self) -> float:
        """Seconds beyond the settle time after which leaving would have been the cheapest.

        Waiting for a gap to end costs the gap; leaving before costs what was waited, and
        ``COMING_BACK``. This takes the limit that would have been the best for all gaps that were
        seen: 0 if they are long, or if another one would hardly have been better.
        """
        with self._lock:
            gaps = list(self._gaps)
        if len(gaps) < LEAST_GAPS:
            return 0.0
        best = min((gap + SLACK for gap in gaps), key=lambda limit: _cost(gaps, limit))
        return best if _cost(gaps, best) < MOST_OF_IT * len(gaps) * COMING_BACK else 0.0

    def harmless_after(self) -> float:
        """Seconds beyond the settle time after which an open poll may be ended.

        From ``worth_waiting`` on, the next arrival is to use it up, and a closing after that loses
        nothing. One without an arrival does with the probability that a task comes in the
        ``LOSS_WINDOW``; it must be so rare that ``ACCEPTED_RISK`` holds for both together.
        """
        limit = self.worth_waiting()
        with self._lock:
            gaps = list(self._gaps)
        if not gaps:
            return limit
        rate = _rate_after(gaps, limit)
        risk = rate * LOSS_WINDOW
        return limit + math.log(risk / ACCEPTED_RISK) / rate if risk > ACCEPTED_RISK else limit

    @property
    def known(self) -> bool:
        """Whether enough gaps have been seen to conclude anything from them."""
        with self._lock:
            return len(self._gaps) >= LEAST_GAPS

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of tasks that have ended the gaps."""
        with self._lock:
            return frozenset(self._kinds)

    def expected_within(self, seconds: float) -> float:
        """How many arrivals to expect in so many seconds, at the average rate so far."""
        with self._lock:
            watched = sum(self._gaps) + self._waited
            return seconds * len(self._gaps) / watched if self._gaps else 0.0

    def called(self) -> None:
        """A query or a Nexus operation came: a caller waits for its answer."""
        self._called_at = self._wall_clock()

    @property
    def expects_callers(self) -> bool:
        """Whether one came so recently that another is to be expected."""
        return self._wall_clock() - self._called_at < CALLERS_REMEMBERED


def _rate_after(gaps: Sequence[float], limit: float) -> float:
    """Arrivals a second to expect when none has come until the limit."""
    left = [gap - limit for gap in gaps if gap >= limit] or list(gaps)
    if len(left) >= ENOUGH_GAPS and min(left) > LOOK_AHEAD:
        return 0.0  # They come at regular times, and not now.
    return len(left) / max(sum(left), SLACK)


def _cost(gaps: Iterable[float], limit: float) -> float:
    """What these gaps cost, in seconds of idling, if each is waited for until the limit."""
    return sum(gap if gap <= limit else limit + COMING_BACK for gap in gaps)
