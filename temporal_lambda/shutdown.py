"""Hooks and teardown: each runs once, in order, bounded, on every path."""

from __future__ import annotations

import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from temporal_lambda.budget import Closing
from temporal_lambda.configure import Teardown
from temporal_lambda.loop_thread import LoopThread, TimeExpired, at_most
from temporal_lambda.report import InvocationReport

logger = logging.getLogger(__name__)


class ClosingSteps:
    """What is left to do once the worker has stopped: the hooks, then the teardown.

    A step that blocks its event loop can't be interrupted, but it can be left behind: a second
    loop, on another thread, goes on with the step after it. Each step is taken by one loop only.

    Args:
        closing: The time there is.
        report: Where errors and abandoned steps are noted.
    """

    def __init__(self, closing: Closing, report: InvocationReport) -> None:
        self._closing = closing
        self._report = report
        self._steps: deque[tuple[str, str, Callable[[], Any]]] = deque()
        self._lock = threading.Lock()
        self._owner: LoopThread | None = None
        self._current: tuple[str, str] | None = None
        self.errors: list[BaseException] = []

    def add(self, hooks: Iterable[Callable[[], Any]], teardown: Teardown | None) -> None:
        """Queue the steps."""
        for hook in hooks:
            self._steps.append(("hook", getattr(hook, "__qualname__", repr(hook)), hook))
        if teardown:
            self._steps.append(("teardown", "configure callback", teardown))

    async def run(self, thread: LoopThread) -> None:
        """Run what is left, in this loop, until done or until another loop has taken over."""
        with self._lock:
            self._owner = thread
        while step := self._take(thread):
            what, name, call = step
            limit = self._closing.hooks_left() / (len(self._steps) + 1)
            thread.expect(self._closing.clock() + limit)
            try:
                async with at_most(limit):
                    result = call()
                    if inspect.isawaitable(result):
                        await result
            except TimeExpired as error:
                logger.error("%s %s was abandoned: %s", what, name, error, exc_info=error)
                self._report.abandoned.append({what: name})
            except BaseException as error:
                logger.error("%s %s failed", what, name, exc_info=error)
                self._report.failed(error, f"{what} {name}")
                if what == "teardown":
                    self.errors.append(error)

    def abandon_current(self) -> str | None:
        """Take note that the running step has blocked its loop.

        Returns:
            The step in words, or ``None`` if none was running.
        """
        with self._lock:
            self._owner = None
            current, self._current = self._current, None
        if current is None:
            return None
        what, name = current
        self._report.abandoned.append({what: name})
        return f"{what} {name}"

    def _take(self, thread: LoopThread) -> tuple[str, str, Callable[[], Any]] | None:
        with self._lock:
            self._current = None
            if self._owner is not thread or not self._steps:
                return None
            step = self._steps.popleft()
            self._current = step[:2]
            return step
