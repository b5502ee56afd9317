"""Bounds on a block of code, told apart from the bounds that the code inside sets itself."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TimeExpired(TimeoutError):
    """A bound of ours was reached, as opposed to one that the code inside had set itself."""


class Stopped(Exception):
    """A block was ended because the invocation is to stop."""

    def __str__(self) -> str:
        return "cut short, as the process is to end"


@asynccontextmanager
async def at_most(seconds: float, stop: asyncio.Future[None] | None = None) -> AsyncIterator[None]:
    """Bound the block by cancelling it, in the same task and so in the same context.

    Args:
        seconds: The bound; ``math.inf`` for none.
        stop: Ends the block when it is done.

    Raises:
        Stopped: ``stop`` was done before the block.
        TimeExpired: The bound was reached. Code that swallows the cancellation is not stopped by
            this; the handler's thread then leaves the loop behind.
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
