"""Short invocations; ``TELEMETRY`` says whose telemetry, ``POLLS`` whether a worker polls."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from activities import ACTIVITIES
from log_values import resources, tell
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import WorkerTuner
from workflows import WORKFLOWS

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.handler import make_handler
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, Stop, Work

WHOSE = os.environ["TELEMETRY"]
POLLS = bool(os.environ.get("POLLS"))
SECONDS = 0.1 if POLLS else 0.02
"""Of work. A worker that has polled for less than 0.1 s takes the rest of it to close."""

apply_defaults: Any = None
if WHOSE == "contrib":
    from temporalio.contrib.aws.lambda_worker.otel import apply_defaults
elif WHOSE == "ours":
    from temporal_lambda.otel import apply_defaults


def configure(config: LambdaWorkerConfig) -> None:
    if apply_defaults:
        apply_defaults(config)
    config.worker_config["task_queue"] = f"telemetry-{WHOSE}"
    config.worker_config["workflows"] = [WORKFLOWS["OneActivity"]]
    config.worker_config["activities"] = ACTIVITIES[:1]
    # Its slots can't be watched, so that nothing but the worker's own close comes after the work.
    config.worker_config["tuner"] = WorkerTuner.create_fixed()


class WorkShortly(ServeTaskQueue):
    """Works for a moment, and ends."""

    polls = POLLS

    async def run(self, work: Work) -> Stop:
        await asyncio.sleep(SECONDS)
        return Stop("result")


run = make_handler(WorkerDeploymentVersion(f"telemetry-{WHOSE}", "1"), configure, WorkShortly)


def lambda_handler(event: Any, context: Any) -> None:
    run(event, context)
    tell("back", **resources())
