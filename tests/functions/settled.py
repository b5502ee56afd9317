"""A worker that sets nothing itself, unless ``CODE_QUEUE`` says so: settings decide."""

from __future__ import annotations

import os

from common import VERSION
from workflows import ACTIVITIES, WORKFLOWS

from temporal_lambda import LambdaWorkerConfig, run_worker

if directory := os.environ.get("WORKING_DIRECTORY"):
    os.chdir(directory)


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["workflows"] = WORKFLOWS
    config.worker_config["activities"] = ACTIVITIES[:1]
    if queue := os.environ.get("CODE_QUEUE"):
        config.worker_config["task_queue"] = queue


lambda_handler = run_worker(VERSION, configure)
