"""A worker in surroundings that are not of its own making; ``FAULT`` says which.

``ARMED`` is a file; a fault that strikes once takes it away.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import temporalio.client
from common import VERSION, event, register

from temporal_lambda import LambdaWorkerConfig, run_worker

FAULT = os.environ["FAULT"]
ARMED = Path(os.environ["ARMED"])
EXECUTOR = ThreadPoolExecutor(1)


class Encrypts(temporalio.client.Plugin):
    """A client plugin whose configuration is wrong."""

    def configure_client(self, config: Any) -> Any:
        raise ValueError("codec key has 7 bytes, expected 32")

    async def connect_service_client(self, config: Any, next: Any) -> Any:
        return await next(config)


async def flush() -> None:
    """Needs nearly all the time there is for hooks, of which others need next to nothing."""
    await asyncio.sleep(0.6)
    event("flushed")


def strikes() -> bool:
    """Whether the fault happens now; once."""
    armed = ARMED.exists()
    ARMED.unlink(missing_ok=True)
    return armed


async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    register(config)
    if FAULT == "executor":
        config.worker_config["activity_executor"] = EXECUTOR
    if FAULT == "hook":
        config.shutdown_hooks += [flush, lambda: None, lambda: None]
    if FAULT == "plugin" and strikes():
        config.client_connect_config["plugins"] = [Encrypts()]
    if FAULT == "namespace" and strikes():
        config.client_connect_config["namespace"] = "nowhere"
    config.shutdown_hooks.append(lambda: event("hook"))
    yield


lambda_handler = run_worker(VERSION, configure)
