"""The Lambda function: a Temporal worker for greetings."""

from datetime import timedelta

from temporalio.common import WorkerDeploymentVersion
from workflows import Greeting, compose_greeting

from temporal_lambda import LambdaWorkerConfig, run_worker


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = "greetings"
    config.worker_config["workflows"] = [Greeting]
    config.worker_config["activities"] = [compose_greeting]
    # Not a whole second: default retries and many timers come back after exactly 1, 2 or 4 s.
    config.idle_timeout = timedelta(seconds=1.3)


lambda_handler = run_worker(
    WorkerDeploymentVersion(deployment_name="greeting", build_id="1.0"),
    configure,
)
