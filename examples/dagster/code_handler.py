"""The Lambda function for jobs that are executed as they are: it holds their code and dagster."""

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_code


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = "dagster-code"
    # Steps that one invocation executes at the same time; they share its processor and memory.
    config.worker_config["max_concurrent_activities"] = 4


lambda_handler = run_dagster_code(
    WorkerDeploymentVersion(deployment_name="dagster-code", build_id="1.0"),
    configure,
    definitions="shop",
)
