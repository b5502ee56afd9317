"""Jobs that run in Lambda. The bodies of their ops don't: Lambda has neither them nor Dagster.

What Dagster takes from an op here is its name, its config and what it comes after. The work itself
is an activity of the same name in ``activities.py``. The tags of a job say which function it goes
to, and how. ``existing_jobs.py`` has the jobs for functions that know nothing of Dagster.

Each job has a default config, which the launchpad of the UI fills in.
"""

import dagster as dg
import existing_jobs
from no_body import only_in_lambda

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


JOBS = [
    async_lambda_job,
    sync_lambda_job,
    arn_lambda_job,
    etl_lambda_job,
    durable_etl_job,
    api_trigger_job,
    check_data_job,
    *existing_jobs.JOBS,
]

defs = dg.Definitions(jobs=JOBS)
