"""The process that runs temporalio's Worker with nothing around it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.workers import FUNCTIONS

NAME = "bare"


class BareWorker:
    """Starts and stops a worker in a process that lives on, as a warm environment does."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def start(self) -> None:
        """Begin to poll."""
        await self._say("run")

    async def stop(self) -> None:
        """Shut the worker down, and wait until it is."""
        await self._say("stop")
        assert self._process.stdout
        if not await self._process.stdout.readline():
            raise RuntimeError("the bare worker's process has ended; its error is above")

    async def _say(self, command: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n".encode())
        await self._process.stdin.drain()


@asynccontextmanager
async def bare_worker(temporal_address: str) -> AsyncIterator[BareWorker]:
    """A process for a worker on the task queue and in the deployment ``bare``.

    Args:
        temporal_address: ``host:port`` of the server.
    """
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": temporal_address,
        "TEMPORAL_TASK_QUEUE": NAME,
        "DEPLOYMENT": NAME,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "bare.py", cwd=FUNCTIONS, env=environment, stdin=PIPE, stdout=PIPE
    )
    try:
        yield BareWorker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
