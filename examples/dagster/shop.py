"""Jobs with real bodies, which Lambda executes as they are: no op is written twice.

Dagster loads this module as part of its code location (``definitions.py``), and the function loads
it for itself (``code_handler.py``): it holds this code and dagster. What a step returns goes to S3,
where the next step finds it, whichever invocation that is in.
"""

import time
from typing import Any

import dagster as dg
from dagster_aws.s3 import S3PickleIOManager, S3Resource

IN_LAMBDA = {
    "lambda/function_name": "dagster-code",
    "lambda/invocation_type": "RequestResponse",
    "lambda/durable": "true",
    # The function executes the ops of the job, and not activities of the same name.
    "lambda/run_code": "true",
}

# --- A job of ops ---


class Source(dg.Config):
    source: str = "orders"
    rows: int = 6


class Speed(dg.Config):
    seconds_per_row: float = 0.0


@dg.op
def read_rows(context: dg.OpExecutionContext, config: Source) -> list[int]:
    """Rows of a source, where a real one would ask a database."""
    context.log.info("reading %d rows of %s", config.rows, config.source)
    return list(range(1, config.rows + 1))


@dg.op(out=dg.DynamicOut(int))
def split(rows: list[int]) -> Any:
    """A step of its own for each row."""
    for row in rows:
        yield dg.DynamicOutput(row, mapping_key=f"row_{row}")


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=1))
def enrich(context: dg.OpExecutionContext, config: Speed, row: int) -> int:
    """Slow work on one row."""
    time.sleep(config.seconds_per_row)
    context.log.info("row %d is done", row)
    return row * 2


@dg.op
def write_rows(context: dg.OpExecutionContext, rows: list[int]) -> int:
    """Reports what it has written as an asset."""
    context.log_event(
        dg.AssetMaterialization("enriched_rows", metadata={"rows": len(rows), "sum": sum(rows)})
    )
    return sum(rows)


@dg.job(tags=IN_LAMBDA)
def shop_etl_job() -> None:
    """A step for each row, several at the same time."""
    write_rows(split(read_rows()).map(enrich).collect())


# --- Assets, a partition for each day ---

days = dg.StaticPartitionsDefinition(["2026-01-07", "2026-01-08", "2026-01-09"])


@dg.asset(partitions_def=days)
def orders(context: dg.AssetExecutionContext) -> list[float]:
    """The orders of a day."""
    return [float(number) for number in range(int(context.partition_key[-1]))]


@dg.asset(partitions_def=days)
def sales(orders: list[float]) -> dg.Output[float]:
    """What a day has brought in."""
    return dg.Output(sum(orders), metadata={"orders": len(orders)})


daily_sales_job = dg.define_asset_job("daily_sales_job", selection=[orders, sales], tags=IN_LAMBDA)

defs = dg.Definitions(
    jobs=[shop_etl_job, daily_sales_job],
    assets=[orders, sales],
    resources={
        "io_manager": S3PickleIOManager(
            # On AWS without an endpoint. Here it is a server on this machine.
            s3_resource=S3Resource(
                region_name="us-east-1", endpoint_url=dg.EnvVar("SHOP_S3_ENDPOINT")
            ),
            s3_bucket=dg.EnvVar("SHOP_BUCKET"),
        )
    },
)
