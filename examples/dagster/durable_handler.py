"""The Lambda function for jobs that must get through: a run is a workflow, its ops activities."""

from activities import ACTIVITIES
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_worker


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = "dagster-durable"
    config.worker_config["activities"] = ACTIVITIES


lambda_handler = run_dagster_worker(
    WorkerDeploymentVersion(deployment_name="dagster-durable", build_id="1.0"),
    configure,
)
