"""Counts tasks in flight. Feeds the idle exit and the report.

Temporal hands out a slot for each task a worker may run. The suppliers here are fixed-size like
the SDK's own, and count on the way: what runs now, what has run, and since when nothing runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
    WorkerTuner,
)

from temporal_lambda.deadline import Clock

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
        self._suppliers: list[_CountedSlots] = []
        self.refuses_polls = False
        self.close_is_near = False

    def tuner(
        self, limits: Mapping[Kind, int], pollers: Mapping[Kind, int] | None = None
    ) -> WorkerTuner:
        """A tuner with fixed limits whose slots this counter sees.

        Args:
            limits: Slots per kind.
            pollers: How many polls for new work are open at a time, per kind, as far as known.
        """
        most = pollers or {}
        suppliers = {
            kind: _CountedSlots(kind, limits[kind], most.get(kind), self) for kind in KINDS
        }
        self._suppliers = list(suppliers.values())
        return WorkerTuner.create_composite(
            workflow_supplier=suppliers["workflow"],
            activity_supplier=suppliers["activity"],
            local_activity_supplier=suppliers["local_activity"],
            nexus_supplier=suppliers["nexus"],
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

    @property
    def open_polls(self) -> int:
        """How many polls are open that could bring new work."""
        with self._lock:
            return self._open_polls

    def expect_close(self) -> None:
        """Hand out slots for open polls only.

        Core asks for one more than it has pollers, to have it in hand when a poll ends; and that
        one could not be refused any more when the worker closes.
        """
        self.close_is_near = True

    def refuse_polls(self) -> None:
        """Hand out no more slots for polls that bring new work; sticky ones go on."""
        self.refuses_polls = True

    def accept_polls(self) -> None:
        """Hand out slots for polls again."""
        self.refuses_polls = False
        for supplier in self._suppliers:
            supplier.serve_waiters()

    async def wait_until_settled(self, limit: float, expects_more: Callable[[], bool]) -> None:
        """Return once nothing more is under way to this worker.

        That is: no task in flight, none for the settle time, and no poll open that could still be
        given one. Cancelling it has no effect on the count.

        Args:
            limit: Seconds it may take.
            expects_more: Says whether tasks may come by another way.
        """
        gives_up = self._clock() + limit
        while self._clock() < gives_up and (expects_more() or not self._settled()):
            await asyncio.sleep(SETTLE_STEP)

    async def stays_quiet(self, limit: float) -> bool:
        """Wait likewise, but only as long as no task comes.

        Returns:
            Whether none came.
        """
        before = self._begun
        gives_up = self._clock() + limit
        while not self.in_flight and self._begun == before:
            if self._clock() >= gives_up or self._settled():
                return True
            await asyncio.sleep(SETTLE_STEP)
        return False

    @property
    def _begun(self) -> int:
        return sum(self.tasks.values())

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
        sticky: Whether it is for a poll that continues workflows this worker has.
        polled: Whether it is for a poll at all; eager tasks come without one.
    """

    def __init__(self, sticky: bool, *, polled: bool) -> None:
        self.sticky = sticky
        self.polled = polled
        self.used = False


class _Waiter:
    """A reservation that waits for a slot."""

    def __init__(self, sticky: bool) -> None:
        self.sticky = sticky
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _CountedSlots(CustomSlotSupplier):
    """A fixed number of slots of one kind.

    Workflow tasks are polled for in two ways, normal and sticky, and each open poll holds a slot.
    The last free slot is not given to a way that has a poll open while the other has none: else
    normal polls could hold all slots while the workflows of this worker wait for a sticky one.
    """

    def __init__(self, kind: Kind, limit: int, pollers: int | None, counter: SlotCounter) -> None:
        self._kind = kind
        self._free = limit
        self._pollers = limit if pollers is None else pollers
        self._open = {False: 0, True: 0}
        self._counter = counter
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        with self._lock:
            waiter = None if self._grant(ctx.is_sticky) else _Waiter(ctx.is_sticky)
            if waiter:
                self._waiters.append(waiter)
        if waiter:
            await self._wait(waiter)
        if self._polls(ctx.is_sticky):
            self._counter.poll_opened()
        return _Permit(ctx.is_sticky, polled=True)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        with self._lock:
            if not self._free or self._counter.refuses_polls:
                return None
            self._free -= 1
        return _Permit(ctx.is_sticky, polled=False)

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        self._counter.begin(self._kind)
        if isinstance(ctx.permit, _Permit):
            ctx.permit.used = True
            self._end_poll(ctx.permit)
            self.serve_waiters()

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        if isinstance(ctx.permit, _Permit):
            if ctx.permit.used:
                self._counter.end()
            else:
                self._end_poll(ctx.permit)
        with self._lock:
            self._free += 1
        self.serve_waiters()

    def _polls(self, sticky: bool) -> bool:
        """Whether a slot is for a poll that brings new work: nothing is polled for a local one."""
        return self._kind != "local_activity" and not sticky

    def _grant(self, sticky: bool) -> bool:
        if not self._free:
            return False
        if self._polls(sticky) and (
            self._counter.refuses_polls
            or (self._counter.close_is_near and self._open[sticky] >= self._pollers)
        ):
            return False
        last_one = self._kind == "workflow" and self._free == 1
        if last_one and self._open[sticky] and not self._open[not sticky]:
            return False
        self._free -= 1
        self._open[sticky] += 1
        return True

    def _end_poll(self, permit: _Permit) -> None:
        if not permit.polled:
            return
        with self._lock:
            self._open[permit.sticky] -= 1
        if self._polls(permit.sticky):
            self._counter.poll_ended()

    async def _wait(self, waiter: _Waiter) -> None:
        try:
            await waiter.granted
        except asyncio.CancelledError:
            with self._lock:
                waiting = waiter in self._waiters
                if waiting:
                    self._waiters.remove(waiter)
                else:
                    self._revoke(waiter)
            self.serve_waiters()
            raise

    def serve_waiters(self) -> None:
        with self._lock:
            for waiter in list(self._waiters):
                if self._grant(waiter.sticky):
                    self._waiters.remove(waiter)
                    self._tell(waiter)

    def _tell(self, waiter: _Waiter) -> None:
        try:
            waiter.granted.get_loop().call_soon_threadsafe(_resolve, waiter.granted)
        except RuntimeError:
            # The loop is closed: the invocation this waiter belonged to is over.
            self._revoke(waiter)

    def _revoke(self, waiter: _Waiter) -> None:
        self._free += 1
        self._open[waiter.sticky] -= 1


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
