"""The Lambda function for short jobs: ops run inside the invocation, without a Temporal server."""

from activities import ACTIVITIES
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_worker


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["activities"] = ACTIVITIES


lambda_handler = run_dagster_worker(
    WorkerDeploymentVersion(deployment_name="dagster-inline", build_id="1.0"),
    configure,
    durable=False,
    # Lambda retries or dead-letters an Event only if the handler raises. Whoever waits for the
    # answer learns more from one.
    on_error="raise_unless_awaited",
)
