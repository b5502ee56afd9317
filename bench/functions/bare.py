"""A plain process with temporalio's Worker and nothing around it, to compare throughput with.

It reads commands from its standard input, one a line: ``run`` starts a worker, ``stop`` ends it.
The options are those our own configuration factory makes, so both workers have the same ones.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, cast

from activities import ACTIVITIES
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker
from workflows import OneActivity

from temporal_lambda.runtime.config_factory import ConfigFactory
from temporal_lambda.settings.sources import load_settings


async def next_command() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def main() -> None:
    version = WorkerDeploymentVersion(os.environ["DEPLOYMENT"], "1")
    options = ConfigFactory(load_settings(os.environ), version).new().worker_config
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    while await next_command() == "run":
        worker = Worker(
            client,
            **cast(dict[str, Any], {**options, "task_queue": os.environ["TEMPORAL_TASK_QUEUE"]}),
            workflows=[OneActivity],
            activities=ACTIVITIES[:2],
        )
        async with worker:
            await next_command()
        print("stopped", flush=True)


asyncio.run(main())
