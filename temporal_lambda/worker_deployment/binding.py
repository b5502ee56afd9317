"""Waits until the server knows which task queues a version serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.worker_deployment.states import describe_version

PAUSE = 0.05
"""Seconds between two looks, on a server of this machine; slower ones are their own pause."""


async def wait_until_bound(
    client: Client,
    version: WorkerDeploymentVersion,
    timeout: float,
    failed: Callable[[], str | None] = lambda: None,
) -> Sequence[str]:
    """Wait until the server knows which task queues the version serves.

    It learns them from the version's first worker. Nothing else says that a function works: the
    server accepts a broken one, validates it, and even makes it current.

    Args:
        client: Connected to the server.
        version: The version.
        timeout: Seconds.
        failed: Returns why binding can no longer succeed, or ``None`` while it still can.

    Returns:
        The task queues, at least one.

    Raises:
        WorkerDeploymentError: The version was not bound in time, or can no longer be.
    """
    gives_up = time.monotonic() + timeout
    while time.monotonic() < gives_up:
        state = await describe_version(client, version)
        if state and state.task_queues:
            return state.task_queues
        if reason := failed():
            raise WorkerDeploymentError(reason)
        await asyncio.sleep(PAUSE)
    raise WorkerDeploymentError(
        f"deployment {version.deployment_name} version {version.build_id} served no task queue "
        f"within {timeout:.0f} s: does its handler poll, and use this very version?"
    )
