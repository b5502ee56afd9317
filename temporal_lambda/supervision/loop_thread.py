"""An event loop on a thread of its own, whose end does not depend on what runs in it.

``asyncio.run`` waits at its end for every task and every thread, so one that will not stop defeats
any time limit inside it. Here the waiting happens outside the loop: the loop's thread promises a
next sign of life, the handler's thread waits for it, and leaves when it does not come.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeAlias

from temporal_lambda.deadline import Clock

SLACK = 0.1
"""Seconds a sign of life may be late before the loop counts as blocked."""

LATE_REQUESTS = 2.0
"""Seconds that a loop which was left behind and came back stays open after its tasks ended."""

SIGNAL_LATENCY = 0.05
"""Seconds until a signal is noticed at the latest."""

CLEANUP = 0.1
"""Seconds that left-over tasks get to react to their cancellation."""


class LeftBehind(BaseException):
    """Raised in a loop that comes back to life after it was left behind: it must do no more."""


Main: TypeAlias = "Callable[[LoopThread], Coroutine[Any, Any, None]]"


class LoopThread:
    """One coroutine in a fresh event loop on a daemon thread.

    Args:
        main: Makes the coroutine; is given this object. It handles its own errors.
        clock: Returns seconds.
        due: The moment by which the first sign of life must have come.
        context: Context variables that the coroutine starts with; it runs in a copy.

    Attributes:
        left_over: Tasks that did not react to their cancellation at the end, by name.
        error: What the coroutine raised, if it did.
    """

    def __init__(
        self,
        main: Main,
        clock: Clock,
        due: float,
        context: Context,
    ) -> None:
        self._main = main
        self._clock = clock
        self._due = due + SLACK
        self._finished = False
        self._main_done = False
        self._left_behind = False
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=context.copy().run,
            args=(self._run,),
            name="temporal-lambda-invocation",
            daemon=True,
        )
        self.left_over: list[str] = []
        self.error: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def expect(self, due: float) -> None:
        """Promise the next sign of life by that moment. Called in the loop.

        Raises:
            LeftBehind: The last promise was broken, and another loop has taken over.
        """
        with self._changed:
            self.check()
            self._due = due + SLACK
            self._changed.notify_all()

    def hurry(self, due: float) -> None:
        """Bring the promised moment forward. Called in any thread, also in a signal handler."""
        with self._changed:
            self._due = min(self._due, due + SLACK)
            self._changed.notify_all()

    def check(self) -> None:
        """Go no further if another loop has taken over. Called in the loop, after user code.

        Raises:
            LeftBehind: It has.
        """
        if self._left_behind:
            raise LeftBehind

    def wait(self) -> bool:
        """Wait from another thread until the coroutine has finished.

        Returns:
            False if a promised sign of life did not come: the loop is blocked, and from now on
            left behind.
        """
        with self._changed:
            while not self._finished:
                left = self._due - self._clock()
                if left <= 0:
                    self._left_behind = True
                    # What is only cleaning up has done its work, and may end when it likes.
                    return self._main_done
                # In short waits: a signal that the kernel hands to some other thread does not wake
                # this one, and Python would run its handler only when the wait is over.
                self._changed.wait(min(left, SIGNAL_LATENCY))
        return True

    def call(self, callback: Callable[[], object]) -> None:
        """Run a callback in the loop, from another thread; nothing if the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            pass

    def where(self) -> str:
        """The line of code the thread is at, as ``file:line in function``."""
        # A documented function of the standard library in spite of its name.
        frame = sys._current_frames().get(self._thread.ident or 0)
        if frame is None:
            return "nowhere"
        innermost = traceback.extract_stack(frame)[-1]
        return f"{innermost.filename}:{innermost.lineno} in {innermost.name}"

    def _run(self) -> None:
        executor = ThreadPoolExecutor(thread_name_prefix="temporal-lambda")
        self._loop.set_default_executor(executor)
        asyncio.set_event_loop(self._loop)
        try:
            task = self._loop.create_task(self._main(self))
            self._run_until_done(task)
            self.error = None if task.cancelled() else task.exception()
            self._main_done = True
            self._clean_up()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            asyncio.set_event_loop(None)
            self._loop.close()
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _run_until_done(self, task: asyncio.Task[Any]) -> None:
        while not task.done():
            try:
                self._loop.run_until_complete(task)
            except (KeyboardInterrupt, SystemExit):
                # Raised in some other task, these break out of the loop; that task holds its
                # exception, and ours has still to finish.
                pass
            except BaseException:
                # Our own; it is in the task.
                pass

    def _clean_up(self) -> None:
        # A loop that was left behind cleans up as well: a worker that is not told to shut down goes
        # on asking its closed loop for slots.
        tasks = asyncio.all_tasks(self._loop)
        self.hurry(self._clock() + (2 * CLEANUP if tasks else CLEANUP))
        if tasks:
            for task in tasks:
                task.cancel()
            waiting = self._loop.create_task(_settle(tasks))
            self._run_until_done(waiting)
            stuck = [task for task in tasks if not task.done()]
            self.left_over = [_describe(task) for task in stuck]
            if stuck:
                # They are named already; asyncio would complain again when they are collected.
                self._loop.set_exception_handler(lambda loop, context: None)
        closing = self._loop.create_task(_settle({_asyncgens(self._loop)}))
        self._run_until_done(closing)
        if self._left_behind:
            # Nobody waits for this loop, so the worker's last requests may still find it.
            self._run_until_done(self._loop.create_task(asyncio.sleep(LATE_REQUESTS)))


async def _settle(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks, timeout=CLEANUP)


def _asyncgens(loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
    return loop.create_task(loop.shutdown_asyncgens())


def _describe(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", repr(coroutine))
