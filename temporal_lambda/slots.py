"""Counts tasks in flight. Feeds the idle exit and the report.

Temporal hands out a slot for each task a worker may run. The suppliers here are fixed-size like
the SDK's own, and count on the way: what runs now, what has run, and since when nothing runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping
from typing import Literal

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
    WorkerTuner,
)

from temporal_lambda.budget import Clock

Kind = Literal["workflow", "activity", "local_activity", "nexus"]
KINDS: tuple[Kind, ...] = ("workflow", "activity", "local_activity", "nexus")


SETTLE_SECONDS = 0.15
"""How long nothing may have been in flight before a worker counts as settled: longer than a round
trip, since the workflow task that follows an activity is still on its way when that ends."""

SETTLE_STEP = 0.01


class SlotCounter:
    """The tasks of one invocation, by kind.

    Core calls the suppliers from threads of its own; everything here is guarded by one lock.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._in_flight = 0
        self._tasks: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._busy = 0.0
        self._changed_at = clock()
        self._polling = False
        self._open_polls = 0
        self.refuses_polls = False

    def tuner(self, limits: Mapping[Kind, int]) -> WorkerTuner:
        """A tuner with fixed limits whose slots this counter sees."""
        return WorkerTuner.create_composite(
            workflow_supplier=_CountedSlots("workflow", limits["workflow"], self),
            activity_supplier=_CountedSlots("activity", limits["activity"], self),
            local_activity_supplier=_CountedSlots("local_activity", limits["local_activity"], self),
            nexus_supplier=_CountedSlots("nexus", limits["nexus"], self),
        )

    @property
    def tasks(self) -> dict[Kind, int]:
        """How many tasks of each kind have begun."""
        with self._lock:
            return dict(self._tasks)

    @property
    def in_flight(self) -> int:
        """How many tasks run right now."""
        with self._lock:
            return self._in_flight

    @property
    def busy_seconds(self) -> float:
        """How long at least one task was in flight, in seconds."""
        with self._lock:
            running = self._clock() - self._changed_at if self._in_flight else 0.0
            return self._busy + running

    def quiet_seconds(self) -> float:
        """How long nothing has been in flight, in seconds; 0 until the worker polls."""
        with self._lock:
            if self._in_flight or not self._polling:
                return 0.0
            return self._clock() - self._changed_at

    async def wait_until_quiet(self, seconds: float) -> None:
        """Return once nothing has been in flight for that many seconds.

        Cancelling it has no effect on the count.
        """
        while (quiet := self.quiet_seconds()) < seconds:
            await asyncio.sleep(max(0.01, seconds - quiet))

    def refuse_polls(self) -> None:
        """Hand out no more slots for polls that bring new work; sticky ones go on."""
        self.refuses_polls = True

    async def wait_until_settled(self, limit: float) -> None:
        """Return once nothing more is under way to this worker, or after ``limit`` seconds.

        That is: no task in flight, none for the settle time, and no poll open that could still be
        given one. Cancelling it has no effect on the count.
        """
        gives_up = self._clock() + limit
        while self._clock() < gives_up and not self._settled():
            await asyncio.sleep(SETTLE_STEP)

    def _settled(self) -> bool:
        with self._lock:
            quiet_since = self._clock() - self._changed_at
            return not (self._in_flight or self._open_polls) and quiet_since >= SETTLE_SECONDS

    def poll_opened(self) -> None:
        """A slot was handed out for a poll: from now on quiet means idle."""
        with self._lock:
            self._open_polls += 1
            if not self._polling:
                self._polling = True
                self._changed_at = self._clock()

    def poll_ended(self) -> None:
        """A poll brought a task, or ended without one."""
        with self._lock:
            self._open_polls -= 1

    def begin(self, kind: Kind) -> None:
        """A task began."""
        with self._lock:
            self._tasks[kind] += 1
            self._in_flight += 1
            if self._in_flight == 1:
                self._changed_at = self._clock()

    def end(self) -> None:
        """A task ended."""
        with self._lock:
            self._in_flight -= 1
            if self._in_flight == 0:
                now = self._clock()
                self._busy += now - self._changed_at
                self._changed_at = now


class _Permit(SlotPermit):
    """A slot that was handed out.

    Args:
        polls: Whether it is for a poll that can bring new work: not a sticky one, which continues
            what this worker has, nor a local activity, for which nothing is polled.
    """

    def __init__(self, *, polls: bool) -> None:
        self.polls = polls
        self.used = False


class _CountedSlots(CustomSlotSupplier):
    """A fixed number of slots of one kind."""

    def __init__(self, kind: Kind, limit: int, counter: SlotCounter) -> None:
        self._kind = kind
        self._free = limit
        self._counter = counter
        self._lock = threading.Lock()
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        polls = self._kind != "local_activity" and not ctx.is_sticky
        while not self._take():
            await self._wait_for_release()
        if self._refuses(polls):
            self._give_back()
            await _forever()
        if polls:
            self._counter.poll_opened()
        return _Permit(polls=polls)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        # Eager tasks come without a poll; a worker that is closing has no use for them.
        if self._refuses(polls=True) or not self._take():
            return None
        return _Permit(polls=False)

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        self._end_poll(ctx.permit)
        if isinstance(ctx.permit, _Permit):
            ctx.permit.used = True
        self._counter.begin(self._kind)

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        self._end_poll(ctx.permit)
        if isinstance(ctx.permit, _Permit) and ctx.permit.used:
            self._counter.end()
        self._give_back()

    def _end_poll(self, permit: SlotPermit) -> None:
        if isinstance(permit, _Permit) and permit.polls:
            permit.polls = False
            self._counter.poll_ended()

    def _refuses(self, polls: bool) -> bool:
        return polls and self._counter.refuses_polls

    def _take(self) -> bool:
        with self._lock:
            if self._free == 0:
                return False
            self._free -= 1
            return True

    def _give_back(self) -> None:
        with self._lock:
            self._free += 1
        self._wake()

    async def _wait_for_release(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiters.append(waiter)
        # A slot may have come free between the failed take and the append.
        self._wake()
        try:
            await waiter
        except asyncio.CancelledError:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            # A wake-up this waiter can no longer use goes to the next one.
            self._wake()
            raise

    def _wake(self) -> None:
        with self._lock:
            if not (self._free and self._waiters):
                return
            waiter = self._waiters.popleft()
        try:
            waiter.get_loop().call_soon_threadsafe(_resolve, waiter)
        except RuntimeError:
            # The loop is closed: the invocation this waiter belonged to is over.
            self._wake()


async def _forever() -> None:
    """Wait until cancelled, as Core does to reservations when its worker shuts down."""
    await asyncio.get_running_loop().create_future()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
