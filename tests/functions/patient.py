"""A workflow and an activity with names of their own; the activity fails before it succeeds."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, VersioningBehavior, WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig, run_worker

FAILURES = int(os.environ.get("FAILURES", "0"))


@activity.defn(name="persuade")
async def ask_again(seconds: float) -> str:
    attempt = activity.info().attempt
    if attempt <= FAILURES:
        raise ValueError(f"no, for the {attempt}. time")
    await asyncio.sleep(seconds)
    return f"yes, the {attempt}. time"


@workflow.defn(name="be-patient", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Patience:
    @workflow.run
    async def run(self, seconds: float) -> str:
        answer: str = await workflow.execute_activity(
            "persuade",
            seconds,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=1), backoff_coefficient=1.0
            ),
        )
        return answer


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = os.environ.get("QUEUE", "patience")
    config.worker_config["workflows"] = [Patience]
    config.worker_config["activities"] = [ask_again]


lambda_handler = run_worker(
    WorkerDeploymentVersion(os.environ.get("DEPLOYMENT", "patience"), "1"), configure
)
