"""An event loop on a thread of its own, whose end does not depend on what runs in it.

``asyncio.run`` waits at its end for every task and every thread, so one that will not stop defeats
any time limit inside it. Here the waiting happens outside the loop: the loop's thread promises a
next sign of life, the handler's thread waits for it, and leaves when it does not come.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeAlias, cast

from temporal_lambda.runtime.background_tasks import is_users, task_name
from temporal_lambda.runtime.lifeline import Lifeline
from temporal_lambda.timeouts import CLEANUP

LATE_REQUESTS = 2.0
"""Seconds that a loop which was left behind and came back stays open after its tasks ended."""

ANSWER = 0.05
"""Seconds a loop that is late has to show that it is alive: its callbacks still run."""

Main: TypeAlias = Callable[[Lifeline], Coroutine[Any, Any, None]]


class LoopThread:
    """One coroutine in a fresh event loop on a daemon thread.

    Args:
        main: Makes the coroutine; is given the loop's end of ``lifeline``. It handles its own
            errors.
        lifeline: What the loop promises through.
        context: Context variables that the coroutine starts with; it runs in a copy.

    Attributes:
        left_over: Tasks that did not react to their cancellation at the end, by name.
        cancelled: Tasks of the user's code that were cancelled at the end, and did react, by name.
        error: What the coroutine raised, if it did.
        is_alive: Whether a loop that has broken its promise still runs callbacks: it is late then,
            and not blocked.
    """

    def __init__(self, main: Main, lifeline: Lifeline, context: Context) -> None:
        self._main = main
        self._lifeline = lifeline
        self._main_done = False
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=context.copy().run,
            args=(self._run,),
            name="temporal-lambda-invocation",
            daemon=True,
        )
        self.left_over: list[str] = []
        self.cancelled: list[str] = []
        self.error: BaseException | None = None
        self.is_alive = True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self) -> bool:
        """Wait from another thread until the coroutine has finished.

        Returns:
            False if a promised sign of life did not come: the loop is left behind from now on.
        """
        while not self._lifeline.wait():
            self.is_alive = self._answers()
            if self.is_alive and self._lifeline.extend():
                continue
            if self._lifeline.cut_if_overdue():
                if self._main_done:
                    # The work is done, and only the cleaning up is stuck.
                    self.left_over = [self.where()]
                return self._main_done
        return True

    def _answers(self) -> bool:
        answered = threading.Event()
        self.call(answered.set)
        return answered.wait(ANSWER)

    def call(self, callback: Callable[[], object]) -> None:
        """Run a callback in the loop, from another thread; nothing if the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            pass

    def where(self) -> str:
        """The line of code it is at, the user's own first, as ``file:line in function``."""
        # Imported where it is wanted: each cold start pays for what is imported above.
        from temporal_lambda.runtime.user_frame import where_coroutine_is, where_thread_is

        if self.is_alive and self._task and (coroutine := self._task.get_coro()):
            return where_coroutine_is(cast(Coroutine[Any, Any, Any], coroutine))
        return where_thread_is(self._thread.ident)

    def _run(self) -> None:
        executor = ThreadPoolExecutor(thread_name_prefix="temporal-lambda")
        self._loop.set_default_executor(executor)
        asyncio.set_event_loop(self._loop)
        try:
            self._task = task = self._loop.create_task(self._main(self._lifeline))
            self._run_until_done(task)
            self.error = _error_of(task)
            self._main_done = True
            self._clean_up()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            asyncio.set_event_loop(None)
            self._loop.close()
            self._lifeline.finish()

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
        self._lifeline.allow(2 * CLEANUP if tasks else CLEANUP)
        if tasks:
            users = [task for task in tasks if is_users(task)]
            for task in tasks:
                task.cancel()
            waiting = self._loop.create_task(_settle(tasks))
            self._run_until_done(waiting)
            stuck = [task for task in tasks if not task.done()]
            self.left_over = [task_name(task) for task in stuck]
            self.cancelled = [task_name(task) for task in users if task not in stuck]
            if stuck:
                # They are named already; asyncio would complain again when they are collected.
                self._loop.set_exception_handler(lambda loop, context: None)
        if self._lifeline.cut:
            # The callback's generator is the next loop's to finish. And nobody waits for this one,
            # so the worker's last requests may still find it.
            self._run_until_done(self._loop.create_task(asyncio.sleep(LATE_REQUESTS)))
        else:
            self._run_until_done(self._loop.create_task(_settle({_asyncgens(self._loop)})))


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    if task.cancelled():
        return asyncio.CancelledError("the invocation's own task was cancelled")
    return task.exception()


async def _settle(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks, timeout=CLEANUP)


def _asyncgens(loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
    return loop.create_task(loop.shutdown_asyncgens())
