"""Counts tasks in flight: what runs now, what has run, and since when nothing runs.

Temporal hands out a slot for each task a worker may run. ``slot_supplier.py`` hands them out, and
counts here on the way. The idle exit, the soft close and the report read it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from temporal_lambda.deadline import Clock

Kind = Literal["workflow", "activity", "local_activity", "nexus"]
KINDS: tuple[Kind, ...] = ("workflow", "activity", "local_activity", "nexus")


class SlotWatch(Protocol):
    """Is told of the tasks as they come and go; called in threads of Core's."""

    def came(self, kind: Kind, *, alone: bool) -> None:
        """A task began; ``alone`` if nothing else was in flight."""

    def rested(self) -> None:
        """The last task in flight has ended."""


SETTLE_SECONDS = 0.15
"""How long nothing may have been in flight before a worker counts as settled: longer than a round
trip, since the workflow task that follows an activity is still on its way when that ends."""

SETTLE_INTERVAL = 0.01
"""Seconds between two looks at whether a worker has settled."""


class SlotCounter:
    """The tasks of one invocation, by kind.

    Core calls the suppliers from threads of its own; the counts are guarded by one lock.

    Args:
        clock: Returns seconds.

    Attributes:
        close_is_near: Whether slots are to be handed out for open polls only.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._in_flight = 0
        self._tasks: dict[str, dict[Kind, int]] = {}
        self._busy = 0.0
        self._changed_at = clock()
        self._open_polls: Counter[Kind] = Counter()
        self._refused: frozenset[Kind] = frozenset()
        self._on_accept: list[Callable[[], None]] = []
        self._first_poll_at: float | None = None
        self._watch: SlotWatch | None = None
        self.close_is_near = False

    @property
    def tasks(self) -> dict[Kind, int]:
        """How many tasks of each kind have begun."""
        with self._lock:
            counts = list(self._tasks.values())
            return {kind: sum(count[kind] for count in counts) for kind in KINDS}

    def tasks_of(self, task_queue: str) -> dict[Kind, int]:
        """How many tasks of each kind have begun that came from a task queue."""
        with self._lock:
            return dict(self._tasks.get(task_queue) or dict.fromkeys(KINDS, 0))

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

    @property
    def has_polled(self) -> bool:
        """Whether a poll was ever open."""
        with self._lock:
            return self._first_poll_at is not None

    @property
    def first_poll_at(self) -> float | None:
        """When the first poll was opened; ``None`` if none was."""
        with self._lock:
            return self._first_poll_at

    def tell(self, watch: SlotWatch) -> None:
        """Tell this of the tasks from now on."""
        self._watch = watch

    def working_seconds(self) -> float:
        """How long something has been in flight without a pause, in seconds."""
        with self._lock:
            return self._clock() - self._changed_at if self._in_flight else 0.0

    def quiet_seconds(self) -> float:
        """How long nothing has been in flight, in seconds; 0 until the worker polls."""
        with self._lock:
            if self._in_flight or self._first_poll_at is None:
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
        return self.open_polls_for(KINDS)

    def open_polls_for(self, kinds: Iterable[Kind]) -> int:
        """How many polls are open that could bring new work of these kinds."""
        with self._lock:
            return sum(self._open_polls[kind] for kind in kinds)

    def expect_close(self) -> None:
        """Hand out slots for open polls only.

        Core reserves one slot more than it has pollers, for the poll after the next one. When the
        worker closes, that one could no longer be refused.
        """
        self.close_is_near = True

    @property
    def refuses_polls(self) -> bool:
        """Whether no slot is handed out for polls of some kind that bring new work."""
        return bool(self._refused)

    def refuses(self, kind: Kind) -> bool:
        """Whether no slot is handed out for a poll that brings new work of this kind."""
        return kind in self._refused

    def refuse_polls(self, kinds: Iterable[Kind] = KINDS) -> None:
        """Hand out no more slots for polls that bring new work; sticky ones go on."""
        self._refused = frozenset(kinds)

    def accept_polls(self) -> None:
        """Hand out slots for polls again."""
        self._refused = frozenset()
        for serve_waiters in self._on_accept:
            serve_waiters()

    def on_accept(self, serve_waiters: Callable[[], None]) -> None:
        """Call this once polls are accepted again: reservations may be waiting."""
        self._on_accept.append(serve_waiters)

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
            await asyncio.sleep(SETTLE_INTERVAL)

    async def stays_quiet(self, limit: float) -> bool:
        """Wait until nothing more is under way to this worker, but only as long as no task comes.

        Args:
            limit: Seconds it may take.

        Returns:
            Whether none came.
        """
        before = self.begun
        gives_up = self._clock() + limit
        while not self.in_flight and self.begun == before:
            if self._clock() >= gives_up or self._settled():
                return True
            await asyncio.sleep(SETTLE_INTERVAL)
        return False

    @property
    def begun(self) -> int:
        """How many tasks have begun."""
        return sum(self.tasks.values())

    def _settled(self) -> bool:
        with self._lock:
            quiet_since = self._clock() - self._changed_at
            return (
                not (self._in_flight or self._open_polls.total()) and quiet_since >= SETTLE_SECONDS
            )

    def poll_opened(self, kind: Kind) -> None:
        """A slot was handed out for a poll: from now on quiet means idle."""
        with self._lock:
            self._open_polls[kind] += 1
            if self._first_poll_at is None:
                self._first_poll_at = self._changed_at = self._clock()

    def poll_ended(self, kind: Kind) -> None:
        """A poll brought a task, or ended without one."""
        with self._lock:
            self._open_polls[kind] -= 1

    def begin(self, kind: Kind, task_queue: str = "") -> None:
        """A task began."""
        with self._lock:
            tasks = self._tasks.setdefault(task_queue, dict.fromkeys(KINDS, 0))
            tasks[kind] += 1
            self._in_flight += 1
            alone = self._in_flight == 1
            if alone:
                self._changed_at = self._clock()
        if self._watch:
            self._watch.came(kind, alone=alone)

    def end(self) -> None:
        """A task ended."""
        with self._lock:
            self._in_flight -= 1
            rests = self._in_flight == 0
            if rests:
                now = self._clock()
                self._busy += now - self._changed_at
                self._changed_at = now
        if rests and self._watch:
            self._watch.rested()
