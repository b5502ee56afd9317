"""What a serverless worker costs at a rate of arrivals: a small simulation, no server.

A workflow holds one slot of an invocation for its work. An arrival takes a free slot of an
invocation that polls. If there is none it waits, and the controller asks for a new invocation,
unless one is on its way already; whichever slot comes first is its own. So does an arrival while a
free slot's poll is being opened again, but the controller asks for one invocation in its pause at
most. An invocation that has been quiet for its idle time ends, or lets the next arrival be its last
one for a while; at the latest it stops polling when its time is over. It is billed from its start
to the end of its close.

Left out: cold starts, the server's own time, and that a worker slows down when its CPU is full. All
times are seconds.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

CONTROLLER_SECONDS = 0.11
"""From a task that finds no poller to the invocation: 80 to 140 ms measured on the local stack."""

CONTROLLER_PAUSE = 0.1
"""Within that, the controller asks for no other invocation."""

REOPENING = 0.01
"""From a task that is taken to the next open poll, for each of a workflow's two tasks that any
invocation may take: the reservation of a slot, and the way to the server."""

SEED = 3


@dataclass(frozen=True)
class Costs:
    """What one worker takes.

    Attributes:
        start: From the handler's entry to the first poll.
        work: How long a workflow holds a slot.
        close: From the last moment of polling to the end of the invocation.
        polls: How long an invocation may poll; infinite without a deadline.
        quiet: How long nothing may come before it ends; infinite if it polls to its deadline.
        empty: The same if nothing has come at all.
        stays: How long it stays from its entry, whatever comes.
        overdue: How long it then waits for a last arrival, instead of ending.
        slots: How many workflows it can work for at once.
    """

    start: float
    work: float
    close: float
    polls: float
    quiet: float
    slots: int = 2
    empty: float = 0.0
    stays: float = 0.0
    overdue: float = 0.0

    def pure_work(self) -> Costs:
        """The lower limit: starts and ends in no time, and is there only while it works."""
        return replace(
            self, start=0.0, close=0.0, quiet=0.0, polls=math.inf, stays=0.0, overdue=0.0
        )


@dataclass
class _Invocation:
    polls_from: float
    polls_until: float
    slots: list[float] = field(default_factory=list)
    """When each slot is free again."""
    taken_at: float = -math.inf
    """When its last task was taken."""
    closes: bool = False
    """Whether that was the last one."""

    def has_rested(self, costs: Costs) -> float:
        """When it would end if no closing lost a task."""
        quiet = max(costs.quiet, costs.empty) if self.taken_at < 0 else costs.quiet
        stays = self.polls_from - costs.start + costs.stays
        return max(max(self.slots) + quiet, stays)

    def ends_polling(self, costs: Costs) -> float:
        """When it stops polling if nothing more comes."""
        overdue = 0.0 if self.closes else costs.overdue
        return min(self.polls_until, self.has_rested(costs) + overdue)

    def billed(self, costs: Costs) -> float:
        """Work that runs when it stops polling is finished."""
        worked_until = max(self.ends_polling(costs), max(self.slots))
        return worked_until + costs.close - (self.polls_from - costs.start)


def billed_seconds(arrivals: Iterable[float], costs: Costs) -> float:
    """What all invocations together are billed that serve these arrivals.

    Args:
        arrivals: Times, ascending.
        costs: Of the worker.
    """
    billed = 0.0
    running: list[_Invocation] = []
    for now in arrivals:
        still_polling = []
        for invocation in running:
            if invocation.ends_polling(costs) > now:
                still_polling.append(invocation)
            else:
                billed += invocation.billed(costs)
        running = still_polling
        _serve(now, running, costs)
    return billed + sum(invocation.billed(costs) for invocation in running)


def _serve(now: float, running: list[_Invocation], costs: Costs) -> None:
    chosen = _first_free(now, running)
    free_at = max(now, chosen.slots[0], chosen.polls_from) if chosen else math.inf
    if costs.start and chosen and now - chosen.taken_at < 2 * REOPENING:
        asks = True
    else:
        asks = free_at > now
    if asks and all(_is_past_pause(invocation, now, costs) for invocation in running):
        asked = _invoke(now, costs)
        running.append(asked)
        if asked.polls_from < free_at:
            chosen, free_at = asked, asked.polls_from
    assert chosen
    chosen.closes = bool(costs.overdue) and free_at >= chosen.has_rested(costs)
    chosen.taken_at = free_at
    heapq.heapreplace(chosen.slots, free_at + costs.work)


def _is_past_pause(invocation: _Invocation, now: float, costs: Costs) -> bool:
    """Whether the controller would ask for another invocation than this one."""
    asked_at = invocation.polls_from - costs.start - CONTROLLER_SECONDS
    return invocation.polls_from <= now and asked_at + CONTROLLER_PAUSE <= now


def _first_free(now: float, running: list[_Invocation]) -> _Invocation | None:
    """The invocation with the slot that is free first, among those that will still poll then.

    Of several that are free now the one that has rested longest comes first, as the server hands
    tasks to the poll that has waited longest.
    """
    found = [
        i for i in running if not i.closes and max(now, i.slots[0], i.polls_from) < i.polls_until
    ]
    return min(
        found,
        key=lambda i: (max(now, i.slots[0], i.polls_from), max(i.slots)),
        default=None,
    )


def _invoke(now: float, costs: Costs) -> _Invocation:
    instantly = costs.start == 0
    polls_from = now if instantly else now + CONTROLLER_SECONDS + costs.start
    return _Invocation(polls_from, polls_from + costs.polls, [polls_from] * costs.slots)


def arrivals(rate: float, count: int) -> list[float]:
    """Arrivals at random (a Poisson process), the same ones every time.

    Args:
        rate: Per second, on average.
        count: How many.
    """
    randomness = random.Random(SEED)
    times, now = [], 0.0
    for _ in range(count):
        now += randomness.expovariate(rate)
        times.append(now)
    return times


def per_workflow(rate: float, costs: Costs, count: int) -> float:
    """Billed seconds per workflow at a rate, on average over so many arrivals."""
    return billed_seconds(arrivals(rate, count), costs) / count
