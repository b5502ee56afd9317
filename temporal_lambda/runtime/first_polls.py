"""Lets a worker that has only just started open its polls, before it is shut down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporal_lambda.runtime.budget import Budget
from temporal_lambda.timeouts import CLEANUP

ON_THEIR_WAY = 0.1
"""Seconds within which the first polls reach the server. A shutdown that crosses them on the way
does not end them: of 150 workers shut down within 20 ms of their start 12 took 1 to 55 s to end, of
those after 20 to 50 ms 1, after 50 to 100 ms none (temporalio 1.35)."""

UNSEEN = 0.2
"""Seconds after the start of a worker by which its first polls are taken to be open, where a tuner
hides them: on a busy machine they take so long."""

AT_MOST = 1.0
"""Seconds to wait for a worker to open its first poll."""


async def reach_the_server(
    opened_at: Callable[[], float | None], ends: set[asyncio.Future[None]], closing: Budget
) -> None:
    """Return once the first polls have had the time to arrive, or one of ``ends`` is done.

    Args:
        opened_at: The moment of the first poll; ``None`` before that.
        ends: What ends the waiting. None of it is cancelled.
        closing: The time there is.
    """
    clock = closing.deadline.clock
    gives_up = clock() + min(AT_MOST, closing.drain_left() - CLEANUP)
    while clock() < gives_up:
        opened = opened_at()
        still = ON_THEIR_WAY if opened is None else opened + ON_THEIR_WAY - clock()
        if still <= 0:
            return
        limit = min(still, gives_up - clock())
        ended, _ = await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if ended:
            return
