"""One function for both workers: ``WORKER=contrib`` makes it temporalio's own module."""

from __future__ import annotations

import os
from typing import Any

from temporalio.common import WorkerDeploymentVersion
from workflows import OneActivity, hold, quick

if os.environ.get("WORKER") == "contrib":
    from temporalio.contrib.aws.lambda_worker import run_worker
else:
    # The same call, but each module's own LambdaWorkerConfig in its type.
    from temporal_lambda import run_worker  # type: ignore[assignment]


def configure(config: Any) -> None:
    config.worker_config["task_queue"] = os.environ["TEMPORAL_TASK_QUEUE"]
    config.worker_config["workflows"] = [OneActivity]
    config.worker_config["activities"] = [quick, hold]


lambda_handler = run_worker(WorkerDeploymentVersion(os.environ["DEPLOYMENT"], "1"), configure)
