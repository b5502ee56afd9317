"""One function for both workers: ``WORKER=contrib`` makes it temporalio's own module."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from activities import ACTIVITIES
from log_values import resources, tell
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Plugin, Worker
from workflows import WORKFLOWS

CONTRIB = os.environ.get("WORKER") == "contrib"
TELEMETRY = bool(os.environ.get("TELEMETRY"))
WORKFLOW = os.environ.get("WORKFLOW", "OneActivity")
"""The one to register; each takes some milliseconds."""

if CONTRIB:
    from temporalio.contrib.aws.lambda_worker import run_worker
else:
    from temporal_lambda import run_worker  # type: ignore[assignment] # Its own config in the type.

if TELEMETRY and CONTRIB:
    from temporalio.contrib.aws.lambda_worker.otel import apply_defaults
elif TELEMETRY:
    from temporal_lambda.otel import apply_defaults  # type: ignore[assignment] # Likewise.

THREADS = ThreadPoolExecutor(4)
entered = 0.0


class Started(Plugin):
    """Tells when the worker begins to run: both modules know worker plugins."""

    async def run_worker(self, worker: Worker, next: Any) -> None:
        milliseconds = (time.monotonic() - entered) * 1000
        tell("started", ms=milliseconds, entered_at=time.time() - milliseconds / 1000)
        await next(worker)

    def configure_worker(self, config: Any) -> Any:
        return config

    def configure_replayer(self, config: Any) -> Any:
        return config

    def run_replayer(self, replayer: Any, histories: Any, next: Any) -> Any:
        return next(replayer, histories)


def configure(config: Any) -> None:
    worker = config.worker_config
    worker["task_queue"] = os.environ["TEMPORAL_TASK_QUEUE"]
    worker["workflows"] = [WORKFLOWS[WORKFLOW]]
    worker["activities"] = ACTIVITIES
    worker["activity_executor"] = THREADS
    worker["plugins"] = [Started()]
    if graceful := os.environ.get("GRACEFUL_SECONDS"):
        worker["graceful_shutdown_timeout"] = timedelta(seconds=float(graceful))
        config.shutdown_deadline_buffer = timedelta(seconds=float(os.environ["BUFFER_SECONDS"]))
    config.shutdown_hooks.append(lambda: tell("hook"))
    if TELEMETRY:
        apply_defaults(config)


run = run_worker(WorkerDeploymentVersion(os.environ["DEPLOYMENT"], "1"), configure)


def lambda_handler(event: Any, context: Any) -> None:
    global entered
    entered = time.monotonic()
    try:
        run(event, context)
    finally:
        tell("back", left_ms=context.get_remaining_time_in_millis(), **resources())
