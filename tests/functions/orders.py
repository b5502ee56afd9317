"""Orders that go well, and orders that do not; what ``temporal-lambda dev`` shows of both."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, VersioningBehavior, WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig, run_worker

# Its tracebacks of failed activities would fill the screen.
logging.getLogger("temporalio").setLevel(logging.ERROR)


@activity.defn
async def pack(order: str) -> str:
    await asyncio.sleep(0.02)
    return f"{order} is packed"


@activity.defn
def weigh(order: str) -> None:
    """Waits for scales that do not answer."""
    time.sleep(300)


@activity.defn
async def ship(order: str) -> None:
    os._exit(3)


@activity.defn
async def wrap(order: str) -> str:
    """Takes its time."""
    await asyncio.sleep(25)
    return f"{order} is wrapped"


STEPS = {"heavy": weigh, "fragile": ship, "gift": wrap}


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Order:
    @workflow.run
    async def run(self, order: str) -> object:
        return await workflow.execute_activity(
            STEPS.get(order.partition("-")[0], pack).__name__,
            order,
            start_to_close_timeout=timedelta(seconds=30 if order == "gift" else 3),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = "orders"
    config.worker_config["workflows"] = [Order]
    config.worker_config["activities"] = [pack, weigh, ship, wrap]
    config.worker_config["activity_executor"] = ThreadPoolExecutor(2)


lambda_handler = run_worker(WorkerDeploymentVersion("orders", "1"), configure)
