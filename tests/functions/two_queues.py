"""A function that serves two task queues: orders, and the reports that they ask for."""

from __future__ import annotations

import os
from datetime import timedelta

from common import VERSION
from temporalio import activity, workflow
from temporalio.common import VersioningBehavior

from temporal_lambda import LambdaWorkerConfig, run_worker

ORDERS = os.environ["QUEUE"]
REPORTS = f"{ORDERS}-reports"


@activity.defn
async def write_report(order: str) -> str:
    return f"report of {order} on {activity.info().task_queue}"


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Order:
    @workflow.run
    async def run(self, order: str) -> str:
        return await workflow.execute_activity(
            write_report,
            order,
            task_queue=f"{workflow.info().task_queue}-reports",
            start_to_close_timeout=timedelta(seconds=10),
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Overview:
    @workflow.run
    async def run(self) -> str:
        return workflow.info().task_queue


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = ORDERS
    config.worker_config["workflows"] = [Order]
    config.more_workers.append(
        {"task_queue": REPORTS, "workflows": [Overview], "activities": [write_report]}
    )


lambda_handler = run_worker(VERSION, configure)
