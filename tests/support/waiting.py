"""Waits for a condition instead of for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 40.0
"""Seconds until a test gives up."""


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until a condition is true.

    Args:
        condition: Asked every 5 ms.
        seconds: How long to wait at most.

    Raises:
        TimeoutError: It did not become true.
    """

    async def ask() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(ask(), seconds)
