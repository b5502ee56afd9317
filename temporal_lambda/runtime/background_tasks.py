"""Tasks that user code has started on the loop, and that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

from temporal_lambda.process import warn_once

logger = logging.getLogger("temporal_lambda.invocation")

WAITS = (
    "this invocation is idle, but does not end yet, since its code has started tasks in the "
    "background: %s. Do such work in activities, or await it in them"
)


class BackgroundTasks:
    """Those that were started since the work began; made in the loop, when it does.

    What the configure callback has started before is its own to end, after its ``yield``.
    """

    def __init__(self) -> None:
        self._before = asyncio.all_tasks()

    def running(self) -> set[asyncio.Task[Any]]:
        """Those that run now."""
        return {task for task in asyncio.all_tasks() - self._before if is_users(task)}

    async def wait(self, seconds: float, *others: asyncio.Future[Any] | None) -> bool:
        """Wait until one of them has ended.

        Args:
            seconds: How long that may take.
            others: Futures that end the wait as well.

        Returns:
            Whether there were any.
        """
        tasks = self.running()
        if not tasks:
            return False
        warn_once(logger, WAITS, ", ".join(sorted(map(task_name, tasks))))
        await asyncio.wait(
            {*tasks, *(other for other in others if other)},
            timeout=None if seconds == math.inf else seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        return True


def is_users(task: asyncio.Task[Any]) -> bool:
    """Whether a task was started by the user's code, rather than by a library or this package."""
    # Imported where it is wanted: each cold start pays for what is imported above.
    from temporal_lambda.runtime.user_frame import is_users_coroutine

    return is_users_coroutine(task.get_coro())


def task_name(task: asyncio.Task[Any]) -> str:
    """What a task runs."""
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", repr(coroutine))
