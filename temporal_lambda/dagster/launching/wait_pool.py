"""Threads that wait for functions, so that whoever launches runs doesn't."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

logger = logging.getLogger("temporal_lambda.dagster.launching.waits")

TEND_SECONDS = 5.0
"""How often each run that is waited for is looked after."""


class Wait(Protocol):
    """One run that is waited for."""

    @property
    def run_id(self) -> str:
        """The run."""

    def run(self) -> None:
        """Wait for it."""

    def tend(self) -> None:
        """Look after the run from another thread, without waiting: its lease, and its status."""

    def cancel(self) -> None:
        """The run is to be canceled; called from another thread, and returns at once."""

    def close(self) -> None:
        """Release what it holds; called once, when it is done or withdrawn."""


@dataclass
class _RunLock:
    users: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class _Lane:
    threads: int = 0
    line: deque[Wait] = field(default_factory=deque)


class WaitPool:
    """A bounded number of threads per lane; a wait that finds none free queues.

    Lanes don't delay each other. The threads are daemons: a process can end without them, after it
    has given them the time it wants to (``join``).

    Example:
        >>> pool = WaitPool()
        >>> pool.holds("9d6c")
        False
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lanes: dict[str, _Lane] = {}
        self._held: dict[str, Wait] = {}
        self._tending = False
        self._locks: dict[str, _RunLock] = {}

    @contextmanager
    def run_lock(self, run_id: str) -> Iterator[None]:
        """Hold the lock of one run.

        Held to look at a run's status and phase and to change one of them. Otherwise a run could be
        invoked just after it was canceled as one that was not. Nothing slow is done while it is
        held.

        Args:
            run_id: The run.
        """
        with self._changed:
            lock = self._locks.setdefault(run_id, _RunLock())
            lock.users += 1
        try:
            with lock.lock:
                yield
        finally:
            with self._changed:
                lock.users -= 1
                if not lock.users:
                    del self._locks[run_id]

    def hold(self, wait: Wait) -> None:
        """Count a run as waited for, before anybody can ask; ``submit`` or ``drop`` follows."""
        with self._changed:
            self._held[wait.run_id] = wait

    def drop(self, wait: Wait) -> None:
        """Undo ``hold``."""
        with self._changed:
            self._let_go(wait)

    def submit(self, lane: str, wait: Wait, limit: int) -> None:
        """Begin to wait as soon as the lane has room.

        Args:
            lane: Its name.
            wait: What to do.
            limit: Threads the lane may have.
        """
        with self._changed:
            self._held[wait.run_id] = wait
            row = self._lanes.setdefault(lane, _Lane())
            if row.threads < limit:
                row.threads += 1
                self._start(f"lambda-{lane}-{wait.run_id[:8]}", self._work, row, wait)
            else:
                row.line.append(wait)
            if not self._tending:
                self._tending = True
                self._start("lambda-tend", self._tend)

    def holds(self, run_id: str) -> bool:
        """Whether this process waits for a run, or has it in line."""
        return self.held(run_id) is not None

    def held(self, run_id: str) -> Wait | None:
        """The wait for a run, if this process waits for it or has it in line."""
        with self._changed:
            return self._held.get(run_id)

    def in_line(self, run_id: str) -> bool:
        """Whether a run waits for a thread."""
        with self._changed:
            return any(wait.run_id == run_id for lane in self._lanes.values() for wait in lane.line)

    def withdraw(self, run_id: str) -> bool:
        """Take a run out of its line.

        Returns:
            Whether it was in line; if so, its function has not been invoked.
        """
        with self._changed:
            for lane in self._lanes.values():
                for wait in lane.line:
                    if wait.run_id == run_id:
                        lane.line.remove(wait)
                        self._let_go(wait)
                        return True
        return False

    def join(self, run_ids: Collection[str], timeout: float) -> list[str]:
        """Wait until runs are done.

        Args:
            run_ids: Which.
            timeout: Seconds.

        Returns:
            Those that are not.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while left := [run_id for run_id in run_ids if run_id in self._held]:
                seconds = deadline - time.monotonic()
                if seconds <= 0:
                    break
                self._changed.wait(seconds)
            return left

    def _start(self, name: str, target: Callable[..., None], *args: object) -> None:
        threading.Thread(target=target, args=args, name=name, daemon=True).start()

    def _work(self, lane: _Lane, wait: Wait) -> None:
        following: Wait | None = wait
        while following:
            try:
                following.run()
            except Exception:
                logger.exception("waiting for run %s failed", following.run_id)
            with self._changed:
                self._let_go(following)
                following = lane.line.popleft() if lane.line else None
                if following is None:
                    lane.threads -= 1

    def _let_go(self, wait: Wait) -> None:
        # A run may have been submitted anew in the meantime.
        if self._held.get(wait.run_id) is wait:
            del self._held[wait.run_id]
        self._changed.notify_all()
        try:
            wait.close()
        except Exception:
            logger.exception("the instance of run %s can't be closed", wait.run_id)

    def _tend(self) -> None:
        while True:
            time.sleep(TEND_SECONDS)
            with self._changed:
                held = list(self._held.values())
                if not held:
                    self._tending = False
                    return
            for wait in held:
                try:
                    wait.tend()
                except Exception:
                    logger.exception("run %s can't be looked after", wait.run_id)


@functools.cache
def process_pool() -> WaitPool:
    """The pool of this process.

    Dagster makes launchers as it needs them, and the runs they wait for outlive them.
    """
    return WaitPool()
