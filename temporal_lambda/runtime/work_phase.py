"""The phase of working: a strategy runs beside a polling worker until something ends it."""

from __future__ import annotations

import asyncio
import math
from typing import Any, TypeVar

from temporal_lambda.runtime.background_tasks import BackgroundTasks
from temporal_lambda.runtime.connection import ConnectionLost
from temporal_lambda.runtime.stop_signal import StopSignal
from temporal_lambda.runtime.work_strategy import Stop, Work, WorkStrategy
from temporal_lambda.runtime.worker import InvocationWorker
from temporal_lambda.timeouts import CLEANUP

T = TypeVar("T")


class WorkPhase:
    """What goes on between connecting and closing.

    Args:
        strategy: Decides when the work is done.
        worker: Polls, if the strategy needs it to.
        signal: Ends the work early.
    """

    def __init__(
        self, strategy: WorkStrategy, worker: InvocationWorker, signal: StopSignal
    ) -> None:
        self._strategy = strategy
        self._worker = worker
        self._signal = signal
        self._deciding: asyncio.Task[Stop] | None = None

    async def run(
        self, work: Work, polling: asyncio.Task[None] | None, lost: asyncio.Task[None] | None = None
    ) -> Stop:
        """Work until something ends it.

        Args:
            work: What the strategy has to work with.
            polling: The running worker, ``None`` for a strategy that does not poll.
            lost: Is done if the connection turns out to lead nowhere.

        Returns:
            Why the work ended.

        Raises:
            ConnectionLost: ``lost`` is done; strategy and worker are cancelled.
            Exception: The worker's or the strategy's error.
        """
        background = BackgroundTasks()
        while True:
            self._deciding = asyncio.create_task(self._strategy.run(work))
            stop = await self._wait_for_end(self._deciding, work.budget.work_left(), polling, lost)
            if stop.reason != "idle":
                return stop
            left = work.budget.work_left()
            if await background.wait(left, self._signal.stopped, polling, lost):
                if self._signal.stopped.done():
                    return Stop("signal")
                if not work.budget.work_left():
                    return Stop("deadline")
                continue
            closing = asyncio.create_task(self._close_idly(work))
            ended = await self._wait_for_end(closing, math.inf, polling, lost)
            if ended:
                return ended

    async def _close_idly(self, work: Work) -> Stop | None:
        """Close because nothing was to do; ``None`` if a task came, and there is time for it."""
        if await self._worker.stays_idle():
            return Stop("idle")
        return None if work.budget.work_left() else Stop("deadline")

    async def _wait_for_end(
        self,
        deciding: asyncio.Task[T],
        limit: float,
        polling: asyncio.Task[None] | None,
        lost: asyncio.Task[None] | None,
    ) -> T | Stop:
        ends: set[asyncio.Future[Any]] = {deciding, self._signal.stopped}
        ends |= {end for end in (polling, lost) if end}
        await asyncio.wait(
            ends,
            timeout=None if limit == math.inf else limit,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if lost and lost.done():
            await self._give_up(deciding, polling)
            raise ConnectionLost
        if polling and polling.done():
            deciding.cancel()
            polling.result()
            # A plugin of the user's may end it.
            return Stop("worker")
        if deciding.done():
            return deciding.result()
        deciding.cancel()
        return Stop("signal" if self._signal.stopped.done() else "deadline")

    async def _give_up(self, *tasks: asyncio.Task[Any] | None) -> None:
        begun = {task for task in tasks if task}
        for task in begun:
            task.cancel()
        await asyncio.wait(begun, timeout=CLEANUP)

    async def unwind(self, seconds: float) -> bool:
        """Let a strategy that does not poll come to its end.

        Args:
            seconds: How long that may take.

        Returns:
            Whether it has ended.
        """
        assert self._deciding is not None
        ends: set[asyncio.Future[Any]] = {self._deciding, self._signal.hurry}
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return self._deciding.done()
