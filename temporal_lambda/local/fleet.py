"""The execution environments of one function: taken, given back, reaped, recycled."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping

from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.managed_instance import ManagedInstance


class Fleet:
    """Environments of one function, no more of them busy than its concurrency allows.

    Args:
        function: The function; may be replaced, see ``recycle``.
        guardian: Owns the processes.
        variables: Variables of the processes that are none of the function's.
    """

    def __init__(
        self, function: Function, guardian: Guardian, variables: Mapping[str, str]
    ) -> None:
        self.function = function
        self._guardian = guardian
        self._variables = variables
        self._idle: list[ExecutionEnvironment] = []
        self._busy: Counter[ExecutionEnvironment] = Counter()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._reapers: dict[ExecutionEnvironment, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._left_streams: list[str] = []

    @property
    def full(self) -> bool:
        """Whether the concurrency limit is reached."""
        return self.busy >= self.function.concurrency

    @property
    def busy(self) -> int:
        """How many invocations run."""
        return self._busy.total()

    @property
    def environments(self) -> list[ExecutionEnvironment]:
        """All environments there are."""
        return [*self._idle, *self._busy]

    def take(self, new_number: int) -> ExecutionEnvironment:
        """An environment with room, the one used last, or a new one that has yet to be started.

        Args:
            new_number: Number for a new one.
        """
        environment = self._with_room()
        if environment is None:
            kind = ManagedInstance if self.function.max_concurrency else ExecutionEnvironment
            environment = kind(new_number, self.function, self._guardian, self._variables)
            if self._left_streams:
                environment.log_stream = self._left_streams.pop()
        elif environment in self._idle:
            self._idle.remove(environment)
            self._reapers.pop(environment).cancel()
        self._busy[environment] += 1
        return environment

    def _with_room(self) -> ExecutionEnvironment | None:
        for environment in [*self._busy, *reversed(self._idle)]:
            if self._busy[environment] < environment.capacity and not environment.retired:
                return environment
        return None

    def give_back(self, environment: ExecutionEnvironment) -> None:
        """Return an environment after use; a dead or retired one is stopped."""
        self._busy -= Counter([environment])
        if environment in self._busy:
            # Others still run in it.
            pass
        elif environment.retired or not environment.alive:
            if not (environment.retired or self.function.max_concurrency):
                self._left_streams.append(environment.log_stream)
            self._stop_later(environment)
        else:
            self._idle.append(environment)
            self._reapers[environment] = asyncio.get_running_loop().call_later(
                self.function.idle_lifetime.total_seconds(), self._reap, environment
            )
        self._call_waiting()

    async def wait_for_room(self, seconds: float) -> bool:
        """Wait in line for an environment. (AWS retries after pauses of 1 s to 5 min instead.)

        Args:
            seconds: How long at most.

        Returns:
            Whether there is room now.
        """
        deadline = time.monotonic() + seconds
        while self.full and time.monotonic() < deadline:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await asyncio.wait({turn}, timeout=deadline - time.monotonic())
            except asyncio.CancelledError:
                self._call_waiting()
                raise
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
        if time.monotonic() < deadline:
            return True
        # This turn came too late; pass it on to the next in line.
        self._call_waiting()
        return False

    def recycle(self, function: Function) -> None:
        """Make the next invocations cold starts of this function; running ones may finish."""
        self.function = function
        self._left_streams.clear()
        for environment in self._busy:
            environment.retired = True
        idle, self._idle = self._idle, []
        for environment in idle:
            self._reapers.pop(environment).cancel()
            self._stop_later(environment)
        self._call_waiting()

    async def end_running(self, grace_seconds: float, *, retired_only: bool) -> None:
        """End the running invocations: SIGTERM first, SIGKILL after the grace period.

        Args:
            grace_seconds: Time between the two.
            retired_only: Spare invocations that began after the last ``recycle``.
        """
        running = {env for env in self._busy if env.retired or not retired_only}
        for environment in running:
            environment.retired = True
            environment.terminate()
        deadline = time.monotonic() + grace_seconds
        while running.intersection(self._busy) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for environment in running.intersection(self._busy):
            await environment.stop()

    async def stop(self) -> None:
        """Kill all processes."""
        for reaper in self._reapers.values():
            reaper.cancel()
        self._reapers.clear()
        for environment in self.environments:
            environment.retired = True
            await environment.stop()
        self._idle.clear()
        await asyncio.gather(*self._stopping)

    def _call_waiting(self) -> None:
        room = self.function.concurrency - self.busy
        for turn in list(self._waiting)[: max(0, room)]:
            if not turn.done():
                turn.set_result(None)

    def _reap(self, environment: ExecutionEnvironment) -> None:
        del self._reapers[environment]
        self._idle.remove(environment)
        self._stop_later(environment)

    def _stop_later(self, environment: ExecutionEnvironment) -> None:
        task = asyncio.get_running_loop().create_task(environment.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
