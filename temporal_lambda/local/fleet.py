"""The execution environments of one function: taken, given back, reaped, recycled."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian


class Fleet:
    """Environments of one function, no more of them busy than its concurrency allows.

    Args:
        function: The function; may be replaced, see ``recycle``.
        guardian: Owns the processes.
    """

    def __init__(self, function: Function, guardian: Guardian) -> None:
        self.function = function
        self._guardian = guardian
        self._idle: list[ExecutionEnvironment] = []
        self._busy: set[ExecutionEnvironment] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._reapers: dict[ExecutionEnvironment, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        """Whether the concurrency limit is reached."""
        return len(self._busy) >= self.function.concurrency

    @property
    def busy(self) -> int:
        """How many environments run an invocation."""
        return len(self._busy)

    @property
    def environments(self) -> list[ExecutionEnvironment]:
        """All environments there are."""
        return [*self._idle, *self._busy]

    def take(self, new_number: int) -> ExecutionEnvironment:
        """The environment used last, or a new one that has yet to be started.

        Args:
            new_number: Number for a new one.
        """
        if self._idle:
            environment = self._idle.pop()
            self._reapers.pop(environment).cancel()
        else:
            environment = ExecutionEnvironment(new_number, self.function, self._guardian)
        self._busy.add(environment)
        return environment

    async def give_back(self, environment: ExecutionEnvironment) -> None:
        """End the use of an environment; a dead or a retired one is stopped for good."""
        if environment.retired or not environment.alive:
            await environment.stop()
        else:
            self._idle.append(environment)
            self._reapers[environment] = asyncio.get_running_loop().call_later(
                self.function.idle_lifetime.total_seconds(), self._reap, environment
            )
        self._busy.discard(environment)
        self._call_next()

    async def wait_for_room(self, seconds: float) -> bool:
        """Wait in line for an environment; AWS would come back with pauses of 1 s to 5 min.

        Args:
            seconds: How long at most.

        Returns:
            Whether there is room now.
        """
        deadline = time.monotonic() + seconds
        while self.full:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await asyncio.wait_for(turn, deadline - time.monotonic())
            except asyncio.TimeoutError:
                return False
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
        return time.monotonic() < deadline

    def recycle(self, function: Function) -> None:
        """Start cold from now on, with this function; what runs may finish first."""
        self.function = function
        for environment in self._busy:
            environment.retired = True
        idle, self._idle = self._idle, []
        for environment in idle:
            self._reapers.pop(environment).cancel()
            self._stop_later(environment)

    async def stop(self) -> None:
        """Kill all processes."""
        for reaper in self._reapers.values():
            reaper.cancel()
        self._reapers.clear()
        for environment in self.environments:
            await environment.stop()
        await asyncio.gather(*self._stopping)

    def _call_next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _reap(self, environment: ExecutionEnvironment) -> None:
        del self._reapers[environment]
        self._idle.remove(environment)
        self._stop_later(environment)

    def _stop_later(self, environment: ExecutionEnvironment) -> None:
        task = asyncio.get_running_loop().create_task(environment.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
