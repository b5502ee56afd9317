"""Jobs that run in Lambda. The bodies of their ops don't: Lambda has neither them nor Dagster.

What Dagster takes from an op here is its name, its config and what it comes after. The work itself
is an activity of the same name in ``activities.py``, or a Lambda function that was there before
(``existing_lambdas.py``). The tags of a job say which function it goes to, and how.

Each job has a default config, which the launchpad of the UI fills in.
"""

from typing import NoReturn

import dagster as dg


def only_in_lambda() -> NoReturn:
    """The body of every op here; it runs if a job is launched by something else by mistake."""
    raise dg.Failure("this op has no body in Dagster: its job is for the Lambda run launcher")


# --- A message that nobody waits for ---


class Message(dg.Config):
    message: str


@dg.op
def async_op(config: Message) -> None:
    only_in_lambda()


@dg.job(
    tags={"lambda/function_name": "dagster-inline", "lambda/invocation_type": "Event"},
    config={"ops": {"async_op": {"config": {"message": "the shop is open"}}}},
)
def async_lambda_job() -> None:
    """Lambda accepts it, and the run is over."""
    async_op()


# --- An answer that is waited for ---


class Input(dg.Config):
    input_data: list[float]
    processing_mode: str = "sum"


@dg.op
def sync_op(config: Input) -> None:
    only_in_lambda()


@dg.job(
    tags={"lambda/function_name": "dagster-inline", "lambda/invocation_type": "RequestResponse"},
    config={"ops": {"sync_op": {"config": {"input_data": [1.0, 2.5], "processing_mode": "mean"}}}},
)
def sync_lambda_job() -> None:
    """The run ends as the function ends, and shows its answer."""
    sync_op()


# --- A function of another account or region ---


class Notice(dg.Config):
    channel: str
    text: str


@dg.op
def notify_op(config: Notice) -> None:
    only_in_lambda()


@dg.job(
    tags={
        "lambda/function_arn": "arn:aws:lambda:us-east-1:123456789012:function:dagster-inline",
        "lambda/invocation_type": "Event",
    },
    config={"ops": {"notify_op": {"config": {"channel": "ops", "text": "stock is low"}}}},
)
def arn_lambda_job() -> None:
    """The ARN's region is the one that is called."""
    notify_op()


# --- Ops in order ---


class Source(dg.Config):
    source: str
    rows: int = 3


class Transformation(dg.Config):
    factor: int = 10
    seconds_per_row: float = 0.0


@dg.op
def extract(config: Source) -> None:
    only_in_lambda()


@dg.op(ins={"start": dg.In(dg.Nothing)})
def transform(config: Transformation) -> None:
    only_in_lambda()


@dg.op(ins={"start": dg.In(dg.Nothing)})
def load() -> None:
    only_in_lambda()


ETL_CONFIG = {
    "ops": {
        "extract": {"config": {"source": "orders"}},
        "transform": {"config": {"factor": 2}},
    }
}
"""``load`` takes no config, so that run config says nothing of it: the job's graph does."""


@dg.job(
    tags={"lambda/function_name": "dagster-inline", "lambda/invocation_type": "Event"},
    config=ETL_CONFIG,
)
def etl_lambda_job() -> None:
    """Three ops, one after the other, in one invocation."""
    load(transform(extract()))


@dg.job(
    tags={
        "lambda/function_name": "dagster-durable",
        "lambda/invocation_type": "RequestResponse",
        "lambda/durable": "true",
    },
    config=ETL_CONFIG,
)
def durable_etl_job() -> None:
    """The same as a workflow, which may take longer than the function's timeout.

    ``seconds_per_row`` makes it take that long.
    """
    load(transform(extract()))


# --- Light work that starts other work ---


class Call(dg.Config):
    endpoint: str
    event: str


@dg.op
def api_trigger_op(config: Call) -> None:
    only_in_lambda()


@dg.job(
    tags={"lambda/function_name": "dagster-inline", "lambda/invocation_type": "Event"},
    config={
        "ops": {
            "api_trigger_op": {
                "config": {"endpoint": "https://shop.example/hooks", "event": "restocked"}
            }
        }
    },
)
def api_trigger_job() -> None:
    """Calls a webhook."""
    api_trigger_op()


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


class Check(dg.Config):
    table: str
    at_least: int


@dg.op
def check_data_op(config: Check) -> None:
    only_in_lambda()


@dg.job(
    tags={"lambda/function_name": "dagster-inline", "lambda/invocation_type": "RequestResponse"},
    config={"ops": {"check_data_op": {"config": {"table": "orders", "at_least": 3}}}},
)
def check_data_job() -> None:
    """Fails if a table has too few rows."""
    check_data_op()


# --- Functions that were there before ---


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


JOBS = [
    async_lambda_job,
    sync_lambda_job,
    arn_lambda_job,
    etl_lambda_job,
    durable_etl_job,
    api_trigger_job,
    etl_trigger_job,
    check_data_job,
    copy_files_job,
    api_call_job,
    etl_job,
]

defs = dg.Definitions(jobs=JOBS)
