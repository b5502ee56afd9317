"""Bounds on a block of code, distinct from any timeouts that the code inside sets itself."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CLEANUP = 0.1
"""Seconds that cancelled tasks get to react to their cancellation."""


class TimeExpired(TimeoutError):
    """The bound of ``at_most`` was reached, rather than a timeout of the code inside."""


class Stopped(Exception):
    """A block was cancelled because the invocation must stop."""

    def __str__(self) -> str:
        return "cut short because the process is about to end"


@asynccontextmanager
async def at_most(seconds: float, stop: asyncio.Future[None] | None = None) -> AsyncIterator[None]:
    """Bound the block: cancel it at the limit, in the same task and so in the same context.

    Args:
        seconds: The limit; ``math.inf`` for none.
        stop: A future that cancels the block when it is done.

    Raises:
        Stopped: ``stop`` was done before the block ended.
        TimeExpired: The limit was reached. Code that swallows the cancellation goes on; the
            handler's thread then abandons the event loop.
    """
    task = asyncio.current_task()
    assert task is not None
    if stop and stop.done():
        raise Stopped
    reason: Exception | None = None
    left = False

    def end(why: Exception) -> None:
        nonlocal reason
        if reason is None and not left:
            reason = why
            task.cancel()

    def on_stop(_: asyncio.Future[None]) -> None:
        end(Stopped())

    loop = asyncio.get_running_loop()
    expired = TimeExpired(f"not done after {seconds:.1f} s")
    timer = loop.call_later(seconds, end, expired) if seconds < math.inf else None
    if stop:
        stop.add_done_callback(on_stop)
    try:
        yield
    except asyncio.CancelledError:
        if reason:
            raise reason from None
        raise
    finally:
        left = True
        if timer:
            timer.cancel()
        if stop:
            stop.remove_done_callback(on_stop)
        if reason and sys.version_info >= (3, 11):
            task.uncancel()
