"""Handlers that execute the job of ``code_chain``."""

import os

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_code

VERSION = WorkerDeploymentVersion(deployment_name=os.environ["NAME"], build_id="1")


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = os.environ["NAME"]


inline = run_dagster_code(VERSION, configure, "code_chain", durable=False)

durable = run_dagster_code(VERSION, configure, "code_chain")
