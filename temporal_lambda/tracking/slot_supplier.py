"""Hands out slots to Core, a fixed number per kind like the SDK's own, and counts on the way."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
    WorkerTuner,
)

from temporal_lambda.tracking.slots import KINDS, Kind, SlotCounter


def counted_tuner(
    counter: SlotCounter,
    limits: Mapping[Kind, int],
    pollers: Mapping[Kind, int] | None = None,
    task_queue: str = "",
) -> WorkerTuner:
    """A tuner with fixed limits whose tasks are counted.

    Args:
        counter: Counts them, and says which polls get a slot.
        limits: Slots per kind.
        pollers: How many polls for new work are open at a time, per kind, as far as known.
        task_queue: Where its tasks come from.
    """
    most = pollers or {}
    suppliers = {
        kind: CountedSlots(kind, limits[kind], most.get(kind), counter, task_queue)
        for kind in KINDS
    }
    return WorkerTuner.create_composite(
        workflow_supplier=suppliers["workflow"],
        activity_supplier=suppliers["activity"],
        local_activity_supplier=suppliers["local_activity"],
        nexus_supplier=suppliers["nexus"],
    )


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


class CountedSlots(CustomSlotSupplier):
    """A fixed number of slots of one kind.

    Workflow tasks are polled for in two ways, normal and sticky, and each open poll holds a slot.
    The last free slot is not given to a way that has a poll open while the other has none: else
    normal polls could hold all slots while the workflows of this worker wait for a sticky one.

    Args:
        kind: The kind of tasks.
        limit: How many slots there are.
        pollers: How many polls for new work are open at a time, as far as known.
        counter: Counts the tasks, and says which polls get a slot.
        task_queue: Where the tasks come from.
    """

    def __init__(
        self,
        kind: Kind,
        limit: int,
        pollers: int | None,
        counter: SlotCounter,
        task_queue: str = "",
    ) -> None:
        self._kind = kind
        self._task_queue = task_queue
        self._free = limit
        self._pollers = limit if pollers is None else pollers
        self._open = {False: 0, True: 0}
        self._counter = counter
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()
        counter.on_accept(self.serve_waiters)

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """See base class."""
        with self._lock:
            waiter = None if self._grant(ctx.is_sticky) else _Waiter(ctx.is_sticky)
            if waiter:
                self._waiters.append(waiter)
        if waiter:
            await self._wait(waiter)
        if self._polls(ctx.is_sticky):
            self._counter.poll_opened(self._kind)
        return _Permit(ctx.is_sticky, polled=True)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """See base class."""
        with self._lock:
            if not self._free or self._counter.refuses(self._kind):
                return None
            self._free -= 1
        return _Permit(ctx.is_sticky, polled=False)

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """See base class."""
        self._counter.begin(self._kind, self._task_queue)
        if isinstance(ctx.permit, _Permit):
            ctx.permit.used = True
            self._end_poll(ctx.permit)
            self.serve_waiters()

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """See base class."""
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
            self._counter.refuses(self._kind)
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
            self._counter.poll_ended(self._kind)

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
        """Grant the reservations that wait, as far as there are slots for them."""
        with self._lock:
            for waiter in list(self._waiters):
                if self._grant(waiter.sticky):
                    self._waiters.remove(waiter)
                    self._wake(waiter)

    def _wake(self, waiter: _Waiter) -> None:
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
