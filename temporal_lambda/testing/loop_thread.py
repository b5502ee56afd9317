"""An event loop in a thread of its own, which goes on whatever the tests' loops do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from temporal_lambda.local import LocalStackError

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines in a thread.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon, so that a session that is broken off can end; keepers end the processes.
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Begin a coroutine in the thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def wait(self, coroutine: Coroutine[Any, Any, Result], timeout: float | None = None) -> Result:
        """Run a coroutine, and block until it is done.

        Args:
            coroutine: What to run.
            timeout: Seconds; the coroutine is cancelled then.

        Raises:
            LocalStackError: The time is over.
        """
        future = self.submit(_bounded(coroutine, timeout))
        try:
            return future.result()
        except BaseException:
            # Ctrl-C, or a test that has timed out.
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and the thread; what still runs is cancelled."""
        self.submit(_cancel_others()).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        if not self._thread.is_alive():
            self._loop.close()


async def _bounded(coroutine: Coroutine[Any, Any, Result], timeout: float | None) -> Result:
    task = asyncio.ensure_future(coroutine)
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout)
    finally:
        # Does nothing to one that is done.
        task.cancel()
    if not done:
        name = getattr(coroutine, "__qualname__", "the coroutine")
        raise LocalStackError(
            f"{name} was not done within {timeout:g} s; another time can be given"
        )
    return task.result()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
