"""The Lambda function: a worker that exports traces, metrics and logs before it is frozen."""

from temporalio.common import WorkerDeploymentVersion
from workflows import Parcel, collect, deliver

from temporal_lambda import LambdaWorkerConfig, run_worker
from temporal_lambda.otel import OtelOptions, apply_defaults

# For collector.yaml; leave the backend out for one that adds up totals, as Prometheus does.
OPTIONS = OtelOptions(
    service_name="parcels", add_temporal_spans=True, logs=True, backend="cloudwatch"
)


def configure(config: LambdaWorkerConfig) -> None:
    apply_defaults(config, OPTIONS)
    config.worker_config["task_queue"] = "parcels"
    config.worker_config["workflows"] = [Parcel]
    config.worker_config["activities"] = [collect, deliver]
    config.idle_timeout = "auto"


lambda_handler = run_worker(
    WorkerDeploymentVersion(deployment_name="parcels", build_id="1.0"),
    configure,
)
