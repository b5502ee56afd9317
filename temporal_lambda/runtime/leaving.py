"""When to leave: what ``idle_timeout = "auto"`` decides.

An invocation leaves as soon as it has nothing to do, unless staying costs less than coming back.
What a worker knows to come back soon it waits for; what it can't know it judges by what came
before. docs/closing.md has the arithmetic.
"""

from __future__ import annotations

import asyncio

from temporal_lambda.deadline import Clock
from temporal_lambda.tracking.arrivals import (
    ACCEPTED_RISK,
    COMING_BACK,
    CONTROLLER_SECONDS,
    Arrivals,
)
from temporal_lambda.tracking.returns import KnownReturns
from temporal_lambda.tracking.slots import Kind, SlotCounter

AUTO = "auto"
"""The value of ``idle_timeout`` that leaves the decision to this module."""

LEAST_SETTLE = 0.03
"""Seconds without a task in flight before anything is decided: what nobody knows of, as the next
workflow of a client that has waited for this one, is under way for a round trip and the server's
own time. What a workflow waits for is known, and waited for anyway."""

MOST_SETTLE = 0.5
"""Seconds it may be at most, however slow the first poll was to open."""

ROUND_TRIPS = 2
"""How many round trips it is at least."""

WORTH_WAITING = 0.45
"""Seconds until a known return that is waited for; coming back for a later one is cheaper. Longer
than the guard around known returns (``GUARD``), so that no closing falls into that."""

COOL_OFF = 0.1
"""Seconds from the entry in which an invocation does not leave. The controller asks for no other
one within 0.1 s of the last time, so nobody else would come for a task that arrives then."""

PARTITION_PAUSE = 0.5
"""Seconds from the entry in which the partition of the task queue that has asked for this
invocation asks for no other one (measured). A task that arrives there after the end waits for the
next one that comes for any other reason."""

PARTITIONS = 4
"""How many a task queue has by Temporal's default."""

UNKNOWN = 0.5
"""Seconds beyond the settle time that an invocation stays while its environment has not seen how
work comes: a client that waits for each workflow before it starts the next one takes less."""

WITHOUT_TASKS = 1.0
"""Seconds that an invocation without any task stays: somebody called it for a reason."""

FIRST_POLLS = 3.0
"""The same in a new environment: its polls may be the first that the server has seen of this
version, which it takes a second or more to register; it does not if they end before."""

CALLER_WINDOW = 5.5
"""Seconds without a task after which a query finds that nobody polls: the server counts polls that
began in the last 5 s (``matching.workerControllerNoPollerHookWindow``), and this has a margin."""

TOLERANCE = 0.001
"""Seconds it may be too early: no event loop sleeps more exactly than that."""

LAST_WORK = 0.5
"""Seconds that the last work of an invocation may take before it polls for more after all."""

NEXT_LOOK = 0.01
"""Seconds between two looks at what comes without being announced."""


class Leaving:
    """Decides when an invocation with nothing to do is over.

    Args:
        slots: What is in flight.
        returns: What will come back, and when.
        arrivals: What has come from outside so far; outlives the invocation.
        clock: Returns seconds, the ones ``slots`` and ``returns`` count in.
        entered_at: When the handler was entered.
        cold: Whether this is the first invocation of its environment.
        fans_out: Whether the server tells all partitions of a task queue that a worker has left, so
            that a query needs no poll of the last seconds.

    Attributes:
        started_at: When the worker was started; before that, when the handler was entered.
    """

    def __init__(
        self,
        slots: SlotCounter,
        returns: KnownReturns,
        arrivals: Arrivals,
        clock: Clock,
        *,
        entered_at: float,
        fans_out: bool = False,
        cold: bool = False,
    ) -> None:
        self._slots = slots
        self._returns = returns
        self._arrivals = arrivals
        self._clock = clock
        self._fans_out = fans_out
        self._without_tasks = FIRST_POLLS if cold else WITHOUT_TASKS
        self._entered_at = self.started_at = entered_at
        slots.tell(self)

    def started(self) -> None:
        """The worker starts now; it opens its first poll one round trip later."""
        self.started_at = self._clock()
        if self._arrivals.harmless_after():
            # The next arrival may have to be the last, so no poll is to follow it unasked.
            self._slots.expect_close()

    @property
    def settle(self) -> float:
        """Seconds without a task in flight after which no more of the same work is on its way."""
        first_poll_at = self._slots.first_poll_at
        start = first_poll_at - self.started_at if first_poll_at else 0.0
        return min(max(LEAST_SETTLE, ROUND_TRIPS * start), MOST_SETTLE)

    def seconds_to_stay(self) -> float:
        """How long to stay from now on at least; 0 if it is time to leave."""
        if not self._slots.has_polled:
            return NEXT_LOOK
        if self._slots.in_flight:
            if self._slots.refuses_polls and self._slots.working_seconds() > LAST_WORK:
                self._slots.accept_polls()
            return self.settle
        due = self._returns.next_due()
        if due is not None and due - self._clock() < WORTH_WAITING:
            return NEXT_LOOK
        quiet, elapsed = self._slots.quiet_seconds(), self._clock() - self._entered_at
        seconds = max(self._quiet_to_stay() - quiet, self._pause() - elapsed)
        return seconds if seconds > TOLERANCE else self._until_harmless(quiet)

    def _until_harmless(self, quiet: float) -> float:
        """Let the next arrival be the last, where ending the poll for it would risk to lose it.

        It uses up the open poll, and no other one is opened.
        """
        # Workflows that run here need the polls for their activities.
        kinds = self._arrivals.kinds & {"workflow"} or self._arrivals.kinds
        seconds = self.settle + self._arrivals.harmless_after() - quiet
        if seconds <= TOLERANCE or not self._slots.open_polls_for(kinds):
            return 0.0
        self._slots.refuse_polls(kinds)
        return seconds

    def _pause(self) -> float:
        """Seconds from the entry in which nobody else would come for a task."""
        left = PARTITION_PAUSE - (self._clock() - self._entered_at)
        risk = self._arrivals.expected_within(max(left, 0.0)) / PARTITIONS
        return PARTITION_PAUSE if risk > ACCEPTED_RISK else COOL_OFF

    def _quiet_to_stay(self) -> float:
        patience = self._arrivals.worth_waiting() if self._arrivals.known else UNKNOWN
        if self._returns.awaits_others:
            # Nobody knows when. Staying for as long as coming back costs is at most twice what the
            # best decision would have cost.
            patience = max(patience, COMING_BACK)
        quiet = self.settle + patience
        if not self._slots.begun:
            quiet = max(quiet, self._without_tasks)
        if self._arrivals.expects_callers and not self._fans_out:
            quiet = max(quiet, CALLER_WINDOW)
        return quiet

    async def wait(self) -> None:
        """Return when it is time to leave. Cancelling it has no effect."""
        if self._slots.refuses_polls:
            self._slots.accept_polls()
        while seconds := self.seconds_to_stay():
            # No longer than that: a task that comes meanwhile may change everything.
            await asyncio.sleep(min(seconds, LEAST_SETTLE))

    def leave(self) -> None:
        """Note what the next invocation is to expect."""
        self._arrivals.left(self._returns.on_wall_clock())

    def came(self, kind: Kind, *, alone: bool) -> None:
        """See ``SlotWatch``."""
        if kind == "nexus":
            self._arrivals.called()
        if not alone:
            return
        now, due = self._clock(), self._returns.next_due()
        known = self._returns.awaits_others or (due is not None and due - CONTROLLER_SECONDS <= now)
        first = self._slots.begun == 1
        late = now - self._entered_at + CONTROLLER_SECONDS if first else 0.0
        self._arrivals.came(settle=self.settle, known=known, late=late, kind=kind)

    def rested(self) -> None:
        """See ``SlotWatch``."""
        self._arrivals.rested()
