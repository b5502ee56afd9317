"""What the tests' functions share: a version, a task queue, and a way to tell what happened."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.common import WorkerDeploymentVersion
from workflows import ACTIVITIES, WORKFLOWS

from temporal_lambda import LambdaWorkerConfig

VERSION = WorkerDeploymentVersion(
    os.environ.get("DEPLOYMENT", "tests"), os.environ.get("BUILD", "1")
)


def event(name: object) -> None:
    """Tell the test, through the log, that something happened."""
    # In one piece: ``print`` writes the end of the line by itself, and other threads write as well.
    sys.stdout.write(f"EVENT {name}\n")


def register(config: LambdaWorkerConfig) -> None:
    """Serve the tests' workflows on the queue the test has chosen."""
    config.worker_config["task_queue"] = os.environ.get("QUEUE", "tests")
    config.worker_config["workflows"] = WORKFLOWS
    config.worker_config["activities"] = ACTIVITIES
    # What a crash leaves on a sticky queue is waited for no longer than this (10 s by default).
    config.worker_config["sticky_queue_schedule_to_start_timeout"] = timedelta(seconds=2)
    config.worker_config["activity_executor"] = ThreadPoolExecutor(4)
