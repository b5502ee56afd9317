"""What can go wrong with a deployed function, on request."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporal_lambda.local import Function, LambdaService, LocalStackError
from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.testing.link import Link

Result = TypeVar("Result")

RunInStack = Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]

LOOK_SECONDS = 0.005
"""Pause between two looks whether an invocation runs."""


class Faults:
    """The faults of one deployed function; ``DeployedFunction.faults``.

    Each method is a coroutine function for any event loop. In a synchronous test, give the
    coroutine to ``BackgroundStack.run``.

    Args:
        service: The Lambda service.
        function: The function.
        link: Its connection to the Temporal server; ``None`` if it was given another address.
        run_in_stack: Awaits a coroutine in the stack's own loop.

    Example:
        ```python
        handle = await local_stack.client.start_workflow(...)
        await function.faults.crash(after="charging the card")
        assert await handle.result() == "done, by the next invocation"
        ```
    """

    def __init__(
        self,
        service: LambdaService,
        function: Function,
        link: Link | None,
        run_in_stack: RunInStack,
    ) -> None:
        self._service = service
        self._function = function
        self._link = link
        self._run_in_stack = run_in_stack

    async def deadline(self, seconds: float) -> None:
        """Give the invocations that begin from now on less time; each is a cold start once.

        Args:
            seconds: Their timeout. ``restore`` gives them the function's own again.
        """

        async def shorten() -> None:
            timeout = timedelta(seconds=seconds)
            self._service.add(dataclasses.replace(self._function, timeout=timeout))

        await self._run_in_stack(shorten())

    async def crash(self, *, after: str = "", timeout: float = 30.0) -> str:
        """Kill the process of a running invocation, as if it ran out of memory.

        Args:
            after: Wait until the invocation has printed this, so that it is hit in the midst of
                something. Empty for any invocation that runs.
            timeout: Seconds to wait for such an invocation.

        Returns:
            The request id of the invocation.

        Raises:
            LocalStackError: There is none within that time.
        """

        async def kill() -> str:
            environment, request_id = await self._running(after, timeout)
            environment.send(signal.SIGKILL)
            return request_id

        killed: str = await self._run_in_stack(kill())
        return killed

    async def freeze(self, seconds: float, *, after: str = "", timeout: float = 30.0) -> str:
        """Stop the process of a running invocation for a while; the time goes on.

        Args:
            seconds: How long.
            after: Wait until the invocation has printed this; empty for any that runs.
            timeout: Seconds to wait for such an invocation.

        Returns:
            The request id of the invocation.

        Raises:
            LocalStackError: There is none within that time.
        """

        async def stop() -> str:
            environment, request_id = await self._running(after, timeout)
            environment.send(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            if environment.request_id == request_id:
                environment.send(signal.SIGCONT)
            return request_id

        frozen: str = await self._run_in_stack(stop())
        return frozen

    async def throttle(self, requests: int) -> None:
        """Turn away the next requests to invoke any function, with AWS's error 429.

        Args:
            requests: How many.
        """

        async def turn_away() -> None:
            self._service.throttle_requests(requests)

        await self._run_in_stack(turn_away())

    async def lose_connection(self) -> None:
        """Reset the function's connections to the Temporal server, and refuse new ones.

        They stay away until ``restore``.

        Raises:
            LocalStackError: The function was deployed with a ``TEMPORAL_ADDRESS`` of its own.
        """
        if self._link is None:
            raise LocalStackError(
                f"function {self._function.name} has a TEMPORAL_ADDRESS of its own, so its "
                "connection can't be cut: leave it out"
            )
        link = self._link

        async def cut() -> None:
            link.cut()

        await self._run_in_stack(cut())

    async def restore(self) -> None:
        """End all faults: the function's own timeout, no throttling, and a connection."""

        async def mend() -> None:
            self._service.throttle_requests(0)
            current = self._service.find(self._function.qualified_name)
            if current and current.timeout != self._function.timeout:
                self._service.add(self._function)
            if self._link:
                self._link.restore()

        await self._run_in_stack(mend())

    @asynccontextmanager
    async def lost_connection(self) -> AsyncIterator[None]:
        """Do without the connection to the Temporal server within the block."""
        await self.lose_connection()
        try:
            yield
        finally:
            await self.restore()

    async def _running(self, after: str, timeout: float) -> tuple[ExecutionEnvironment, str]:
        loop = asyncio.get_running_loop()
        gives_up = loop.time() + timeout
        name = self._function.qualified_name
        while loop.time() < gives_up:
            printed = {
                record.request_id
                for record in self._service.running
                if not after or any(after in line for line in record.log)
            }
            for environment in self._service.environments(name):
                if environment.request_id in printed:
                    return environment, environment.request_id
            await asyncio.sleep(LOOK_SECONDS)
        that_printed = f" that printed {after!r}" if after else ""
        raise LocalStackError(f"no invocation of {name}{that_printed} ran within {timeout:g} s")
