"""A handler whose steps have no other place for their outputs than the history."""

from __future__ import annotations

import os

from common import VERSION

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_code

os.environ["CODE_STORAGE"] = ""


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = os.environ.get("QUEUE", "code")


durable = run_dagster_code(
    VERSION, configure, "code_jobs", outputs_in_history=True, same_definitions=False
)
