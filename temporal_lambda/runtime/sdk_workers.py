"""The SDK's workers of one invocation: made, run and shut down as one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from temporal_lambda.runtime.connect_errors import Target, status_code


class SdkWorkers:
    """Workers of one client, one for each task queue.

    Args:
        client: Connected to the server.
        configs: Their options.

    Raises:
        Exception: What the SDK says of the options.
    """

    def __init__(self, client: Client, configs: Iterable[Mapping[str, Any]]) -> None:
        self._workers = [Worker(client, **config) for config in configs]

    async def run(self) -> None:
        """Run until all have ended. If one ends by itself, the others are shut down.

        Raises:
            ConnectError: The server refuses one or has no such namespace.
            Exception: The first error of a worker.
        """
        runs = [asyncio.create_task(_run(worker)) for worker in self._workers]
        shutdown: asyncio.Task[None] | None = None
        try:
            await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
            shutdown = asyncio.create_task(self.shutdown())
            await asyncio.wait(runs)
        except asyncio.CancelledError:
            # The user's worker plugins clean up, for as long as whoever cancels waits for this.
            for run in runs:
                run.cancel()
            await asyncio.wait(runs)
            raise
        finally:
            if shutdown:
                shutdown.cancel()
        for error in await asyncio.gather(*runs, return_exceptions=True):
            if error:
                raise error

    async def shutdown(self) -> None:
        """Shut all down, and return once they have ended."""
        await asyncio.gather(*(worker.shutdown() for worker in self._workers))


async def _run(worker: Worker) -> None:
    try:
        await worker.run()
    except RuntimeError as error:
        if not status_code(error):
            raise
        # No cause: it repeats what the server says, which may be a credential.
        raise Target.of_client(worker.client).error_for(error) from None
