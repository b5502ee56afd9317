"""Prints in a thread of its own: whoever has something to say does not wait for the terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

MAX_PENDING = 100_000
"""Items that wait to be printed at most; a function may print faster than any terminal."""

PAUSE_SECONDS = 0.05
"""Least time between two batches: under a live table, each batch draws the table anew."""

END_SECONDS = 5.0
"""How long the last batch may take; a terminal that was stopped takes for ever."""


class Printer(Generic[Item]):
    """Gives batches of items to a function, in a thread.

    The local Lambda runs in the event loop of ``dev``: if that one printed, a slow terminal would
    make a function slow that prints much, and what it is billed wrong.

    Args:
        show: Prints a batch; called with the items, and how many were left out before them.
    """

    def __init__(self, show: Callable[[list[Item], int], None]) -> None:
        self._show = show
        self._pending: list[Item] = []
        self._left_out = 0
        self._changed = threading.Condition()
        self._closing = False
        self._has_failed = False
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Print an item soon; leave it out if too many wait."""
        with self._changed:
            if len(self._pending) < MAX_PENDING:
                self._pending.append(item)
            else:
                self._left_out += 1
            self._changed.notify()

    def close(self) -> None:
        """Print what is left, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                batch, self._pending = self._pending, []
                left_out, self._left_out = self._left_out, 0
                closing = self._closing
            if batch:
                self._try(batch, left_out)
            if closing:
                return
            # Interrupted by the end alone.
            with self._changed:
                self._changed.wait_for(lambda: self._closing, PAUSE_SECONDS)

    def _try(self, batch: list[Item], left_out: int) -> None:
        """Print a batch; what is wrong with one does not keep later ones from being printed."""
        try:
            self._show(batch, left_out)
        except Exception:
            # Once: a terminal that is gone fails each time.
            if not self._has_failed:
                logger.exception("%s lines could not be printed", len(batch))
            self._has_failed = True
