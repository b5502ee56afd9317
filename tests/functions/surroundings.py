"""A worker in surroundings that are not of its own making; ``FAULT`` says which.

``ARMED`` is a file; a fault that strikes once takes it away.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
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


def set_clock(*steps: float) -> None:
    """Set Python's wall clock of this process off by so many seconds, in steps of half a second."""
    true_time = time.time
    for number, seconds in enumerate(steps, start=1):

        def step(seconds: float = seconds) -> None:
            time.time = lambda: true_time() + seconds

        threading.Timer(0.5 * number, step).start()


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
    if FAULT == "name" and strikes():
        config.client_connect_config["target_host"] = "nowhere.invalid:7233"
    if FAULT == "stuck hook" and strikes():
        config.shutdown_hooks.append(lambda: time.sleep(60))
    if FAULT == "clock back" and strikes():
        set_clock(-3600)
    if FAULT == "clock back and forth" and strikes():
        set_clock(3600, -3600, 0)
    config.shutdown_hooks.append(lambda: event("hook"))
    yield


lambda_handler = run_worker(VERSION, configure)
