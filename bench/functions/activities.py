"""What the benchmarks' workflows do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from log_values import tell
from temporalio import activity


@activity.defn
async def pause(seconds: float) -> None:
    """Awaits; costs no CPU."""
    await asyncio.sleep(seconds)


@activity.defn
async def hold(seconds: float) -> int:
    """Awaits, and tells when it begins and when it is cancelled; returns which attempt it was."""
    info = activity.info()
    about = {"workflow_id": info.workflow_id, "attempt": info.attempt}
    tell("begun", at=time.time(), **about)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        tell("cancelled", at=time.time(), **about)
        raise
    return info.attempt


@activity.defn
async def fail_once() -> None:
    """Fails in its first attempt."""
    if activity.info().attempt == 1:
        raise RuntimeError("as it is meant to")


@activity.defn
def sleep_in_thread(seconds: float) -> None:
    """Can't be cancelled: Python has no way to interrupt it."""
    time.sleep(seconds)


ACTIVITIES: list[Callable[..., Any]] = [pause, hold, fail_once, sleep_in_thread]
