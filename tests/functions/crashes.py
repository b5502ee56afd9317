"""A worker whose process ends in the middle of a phase, once: ``PHASE`` says in which.

``ARMED`` is a file; the crash takes it away.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from common import VERSION, event, register

from temporal_lambda import LambdaWorkerConfig, run_worker


def reach(phase: str) -> None:
    """Crash here if this is the phase, and it has not happened yet."""
    armed = Path(os.environ["ARMED"])
    if phase == os.environ["PHASE"] and armed.exists():
        armed.unlink()
        os._exit(7)


async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    reach("configure")
    register(config)
    config.shutdown_hooks.append(lambda: reach("hook"))
    config.shutdown_hooks.append(lambda: event("hook"))
    yield
    reach("teardown")


reach("init")
lambda_handler = run_worker(VERSION, configure)
