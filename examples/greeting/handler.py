"""The Lambda function: a Temporal worker for greetings."""

from temporalio.common import WorkerDeploymentVersion
from workflows import Greeting, compose_greeting

from temporal_lambda import LambdaWorkerConfig, run_worker


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = "greetings"
    config.worker_config["workflows"] = [Greeting]
    config.worker_config["activities"] = [compose_greeting]
    config.idle_timeout = "auto"


lambda_handler = run_worker(
    WorkerDeploymentVersion(deployment_name="greeting", build_id="1.0"),
    configure,
)
