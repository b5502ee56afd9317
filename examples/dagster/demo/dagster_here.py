"""The example's Dagster on this machine: webserver, daemon and code server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from examples.dagster.demo.ui import LOCATION, DagsterError, Ui
from temporal_lambda.local import LocalStack
from temporal_lambda.local.dagster_beside import START_TIMEOUT, DagsterBeside

EXAMPLE = Path(__file__).parents[1]


class DagsterHere:
    """Dagster with the example's ``dagster.yaml`` and jobs, as an async context manager.

    Args:
        stack: Started; its Lambda is what the launcher calls.
        variables: Environment variables that the jobs' resources refer to.
    """

    ui: Ui

    def __init__(self, stack: LocalStack, variables: dict[str, str] | None = None) -> None:
        settings = (EXAMPLE / "dagster.yaml").read_text()
        code = ["--python-file", "definitions.py"]
        environment = {"SHOP_STAGE": "demo", **(variables or {})}
        self._beside = DagsterBeside(stack, settings, code, EXAMPLE, LOCATION, environment)
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> DagsterHere:
        async with AsyncExitStack() as exit_stack:
            await exit_stack.enter_async_context(self._beside)
            http = await exit_stack.enter_async_context(aiohttp.ClientSession())
            self.ui = Ui(self._beside.url, http)
            try:
                await asyncio.wait_for(self._until_ready(), START_TIMEOUT)
            except asyncio.TimeoutError:
                raise DagsterError(f"Dagster did not load its jobs:\n{self.output()}") from None
            self._exit = exit_stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all processes and what they have started, and remove their files."""
        await self._exit.aclose()

    async def _until_ready(self) -> None:
        while not await self.ui.ready():
            await asyncio.sleep(0.05)

    def output(self) -> str:
        """The last lines of all processes."""
        return self._beside.output()
