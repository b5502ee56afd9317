"""Handlers that execute the jobs of ``code_jobs``."""

from __future__ import annotations

import os

from common import VERSION

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_code


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = os.environ.get("QUEUE", "code")


inline = run_dagster_code(VERSION, configure, "code_jobs", durable=False)

durable = run_dagster_code(
    VERSION, configure, "code_jobs", same_definitions=os.environ.get("CODE_SAME") != "false"
)

one_job = run_dagster_code(VERSION, configure, "code_jobs", jobs=["retried"])
