"""Jobs for the functions of ``existing_lambdas.py``, which know nothing of Dagster.

A payload mode makes each run's event what the function has always got.
"""

import dagster as dg
from no_body import only_in_lambda


class Nightly(dg.Config):
    source: str
    destination: str
    steps: list[str]


@dg.op
def etl_trigger_op(config: Nightly) -> None:
    only_in_lambda()


@dg.job(
    tags={
        "lambda/function_name": "nightly-etl",
        "lambda/invocation_type": "RequestResponse",
        "lambda/payload_mode": "custom",
        "lambda/payload_config_path": "ops.etl_trigger_op.config",
    },
    config={
        "ops": {
            "etl_trigger_op": {
                "config": {
                    "source": "customers",
                    "destination": "warehouse",
                    "steps": ["strip", "upper"],
                }
            }
        }
    },
)
def etl_trigger_job() -> None:
    """Starts an ETL function that has run for years, as it is."""
    etl_trigger_op()


class Copy(dg.Config):
    source_bucket: str
    destination_bucket: str
    file_pattern: str = "*"


@dg.op
def copy_files_op(config: Copy) -> None:
    only_in_lambda()


@dg.job(
    tags={
        "lambda/function_name": "copy-files",
        "lambda/invocation_type": "RequestResponse",
        "lambda/payload_mode": "ops_only",
    },
    config={
        "ops": {
            "copy_files_op": {
                "config": {
                    "source_bucket": "inbox",
                    "destination_bucket": "archive",
                    "file_pattern": "*.csv",
                }
            }
        }
    },
)
def copy_files_job() -> None:
    """The function gets ``{"copy_files_op": {"config": …}}``."""
    copy_files_op()


class Post(dg.Config):
    api_key: str
    endpoint: str
    data: list[int]


@dg.op
def api_call_op(config: Post) -> None:
    only_in_lambda()


@dg.job(
    tags={
        "lambda/function_name": "call-api",
        "lambda/invocation_type": "RequestResponse",
        "lambda/payload_mode": "custom",
        "lambda/payload_config_path": "ops.api_call_op.config",
    },
    config={
        "ops": {
            "api_call_op": {
                "config": {
                    "api_key": "not-a-secret",
                    "endpoint": "https://shop.example/stock",
                    "data": [4, 8],
                }
            }
        }
    },
)
def api_call_job() -> None:
    """The function gets the op's config and nothing around it."""
    api_call_op()


class Files(dg.Config):
    input_file: str
    output_file: str


class Destination(dg.Config):
    destination: str


@dg.op
def transform_op(config: Files) -> None:
    only_in_lambda()


@dg.op
def load_op(config: Destination) -> None:
    only_in_lambda()


@dg.job(
    tags={
        "lambda/function_name": "run-config-etl",
        "lambda/invocation_type": "RequestResponse",
        "lambda/payload_mode": "config_only",
    },
    config={
        "ops": {
            "transform_op": {"config": {"input_file": "raw.json", "output_file": "clean.json"}},
            "load_op": {"config": {"destination": "warehouse"}},
        }
    },
)
def etl_job() -> None:
    """Two ops that don't depend on each other; the function gets the whole run config."""
    transform_op()
    load_op()


JOBS = [etl_trigger_job, copy_files_job, api_call_job, etl_job]
