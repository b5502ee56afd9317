"""A daemon thread that does one kind of work for as long as the process lives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

logger = logging.getLogger(__name__)


class Background:
    """Runs one function, on request and at intervals, never twice at once.

    Args:
        name: The thread's name.
        work: Called on request; it may block.
        every: Seconds between calls of ``between``; ``None`` for none.
        between: Called when no request has come for ``every`` seconds.

    Example:
        >>> background = Background("example", lambda: print("done"))
        >>> background.request().result(timeout=5)
        done
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        every: float | None = None,
        between: Callable[[], object] = lambda: None,
    ) -> None:
        self._work = work
        self._every = every
        self._between = between
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._requested: Future[None] | None = None
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def request(self) -> Future[None]:
        """Request the work; it starts when the work in progress has ended.

        Returns:
            A future, done when work that began after this call has ended.
        """
        with self._lock:
            if self._requested is None or self._requested.cancelled():
                self._requested = Future()
            self._wake.set()
            return self._requested

    def _run(self) -> None:
        while True:
            self._wake.wait(self._every)
            with self._lock:
                requested, self._requested = self._requested, None
                self._wake.clear()
            if requested is None:
                _log_error(self._between)
            elif requested.set_running_or_notify_cancel():
                _log_error(self._work)
                requested.set_result(None)


def _log_error(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        logger.exception("telemetry could not be exported")
