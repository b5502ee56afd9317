"""A code location that uses what Dagster has, for functions that execute its own steps.

Dagster reads annotations, so they are no texts here (no ``from __future__ import annotations``).
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg


class Numbers(dg.ConfigurableResource[Any]):
    """A resource with a secret."""

    factor: int = 1
    token: str = "none"

    def times(self, number: int) -> int:
        return number * self.factor


@dg.op(config_schema={"count": dg.Field(int, default_value=3)}, out=dg.Out(list))
def extract(context: dg.OpExecutionContext) -> list[int]:
    context.log.info("extracting")
    context.log.warning("it is slow")
    return list(range(context.op_config["count"]))


@dg.op(out={"odd": dg.Out(list), "even": dg.Out(list, is_required=False)})
def divide(context: dg.OpExecutionContext, numbers: list[int]) -> Iterator[dg.Output[list[int]]]:
    context.log_event(
        dg.AssetMaterialization("numbers", metadata={"count": dg.MetadataValue.int(len(numbers))})
    )
    context.log_event(dg.AssetObservation("numbers", metadata={"seen": True}))
    yield dg.Output([n for n in numbers if n % 2], "odd", metadata={"why": "odd ones"})
    if any(n % 2 == 0 and n for n in numbers):
        yield dg.Output([n for n in numbers if n % 2 == 0], "even")


@dg.op
def multiply(numbers: list[int], factors: Numbers) -> int:
    return factors.times(sum(numbers))


@dg.op
def only_even(numbers: list[int]) -> int:
    return len(numbers)


@dg.success_hook
def on_success(context: dg.HookContext) -> None:
    context.log.info("hook: through")


@dg.failure_hook
def on_failure(context: dg.HookContext) -> None:
    context.log.info("hook: failed")


@dg.job(hooks={on_success, on_failure})
def etl() -> None:
    odd, even = divide(extract())
    multiply(odd)
    only_even(even)


@dg.op(out=dg.DynamicOut(int))
def pieces() -> Iterator[dg.DynamicOutput[int]]:
    for number in (1, 2, 3):
        yield dg.DynamicOutput(number, mapping_key=f"n{number}")


@dg.op
def square(number: int) -> int:
    return number * number


@dg.op
def add_up(context: dg.OpExecutionContext, numbers: list[int]) -> int:
    context.log.info("sum %s", sum(numbers))
    return sum(numbers)


@dg.job
def mapped() -> None:
    add_up(pieces().map(square).collect())


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=0.1))
def flaky(context: dg.OpExecutionContext) -> str:
    if context.retry_number < 2:
        raise ValueError(f"not yet: {context.retry_number}")
    return "at last"


@dg.op
def asks_again(context: dg.OpExecutionContext, before: str) -> str:
    if context.retry_number < 1:
        raise dg.RetryRequested(max_retries=1)
    return f"{before}, again"


# A definition that differs between a function and Dagster, as after half a deployment.
@dg.job(description="another one" if os.environ.get("CODE_OTHERWISE") else None)
def retried() -> None:
    asks_again(flaky())


@dg.op
def gives_up() -> int:
    raise dg.Failure("it has no rows", metadata={"rows": 0}, allow_retries=False)


@dg.op
def after(number: int) -> int:
    return number


@dg.op
def beside() -> int:
    return 1


@dg.job(hooks={on_failure})
def failing() -> None:
    after(gives_up())
    after.alias("unharmed")(beside())


@dg.graph
def inner(numbers: list[int]) -> Any:
    return multiply(numbers)


@dg.job
def nested() -> None:
    add_up.alias("total")([inner.alias("first")(extract()), inner.alias("second")(extract())])


letters = dg.StaticPartitionsDefinition(["a", "b"])


@dg.asset(partitions_def=letters)
def by_letter(context: dg.AssetExecutionContext) -> dg.Output[str]:
    key = context.partition_key
    return dg.Output(key * 3, metadata={"letter": key})


@dg.asset(partitions_def=letters)
def longer(by_letter: str) -> str:
    return by_letter + "!"


@dg.asset
def total() -> int:
    return 7


@dg.asset
def doubled(total: int) -> int:
    return 2 * total


@dg.asset_check(asset=doubled)
def is_even(doubled: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=doubled % 2 == 0, metadata={"value": doubled})


@dg.asset_check(asset=doubled)
def is_small(doubled: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=doubled < 10, severity=dg.AssetCheckSeverity.WARN)


@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")], can_subset=True)
def sides(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
    for key in sorted(context.selected_asset_keys):
        yield dg.MaterializeResult(asset_key=key, metadata={"side": key.to_user_string()})


@dg.op(config_schema={"seconds": float, "mark": dg.Field(str, default_value="")})
def nap(context: dg.OpExecutionContext) -> str:
    """Sleeps in small steps, and marks each begin."""
    if context.op_config["mark"]:
        with Path(context.op_config["mark"]).open("a") as file:
            file.write(f"{context.op.name} begins in {os.getpid()}\n")
    until = time.monotonic() + context.op_config["seconds"]
    while time.monotonic() < until:
        time.sleep(0.05)
    return "rested"


@dg.op
def gather(naps: list[str]) -> int:
    return len(naps)


@dg.job(hooks={on_failure})
def naps() -> None:
    gather([nap.alias("one")(), nap.alias("two")(), nap.alias("three")()])


@dg.op(config_schema={"path": str, "times": int}, retry_policy=dg.RetryPolicy(max_retries=3))
def cut_off(context: dg.OpExecutionContext) -> int:
    """Is not through before the invocation's end, so many times."""
    path = Path(context.op_config["path"])
    with path.open("a") as file:
        file.write("begun\n")
    begun = len(path.read_text().splitlines())
    context.log.info("attempt %s", begun)
    while begun <= context.op_config["times"]:
        time.sleep(0.05)
    return begun


@dg.job(hooks={on_failure})
def persistent() -> None:
    cut_off()


@dg.op(config_schema={"seconds": dg.Field(float, default_value=5.0)})
def leg(context: dg.OpExecutionContext, before: list[str]) -> str:
    time.sleep(context.op_config["seconds"])
    return context.op.name


@dg.job
def marathon() -> None:
    """90 s in 18 steps, one after the other."""
    before: list[Any] = []
    for number in range(18):
        before = [leg.alias(f"leg_{number + 1}")(before)]


@dg.op(config_schema={"path": str})
def once_there(context: dg.OpExecutionContext, numbers: list[int]) -> int:
    if not Path(context.op_config["path"]).exists():
        raise FileNotFoundError("not there yet")
    return len(numbers)


@dg.job
def recovering() -> None:
    after(once_there(extract()))


by_letters = dg.define_asset_job("by_letters", selection=[by_letter, longer])

numbers = dg.define_asset_job("numbers", selection=[total, doubled])


def io_manager(storage: str) -> dict[str, Any]:
    """The IO manager of a place: a folder, or s3://bucket at an endpoint of the environment's."""
    if not storage.startswith("s3://"):
        return {"io_manager": dg.FilesystemIOManager(base_dir=storage)} if storage else {}
    from dagster_aws.s3 import S3PickleIOManager, S3Resource

    s3 = S3Resource(endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1")
    bucket = storage.removeprefix("s3://")
    return {"io_manager": S3PickleIOManager(s3_resource=s3, s3_bucket=bucket)}


defs = dg.Definitions(
    jobs=[
        etl,
        mapped,
        retried,
        failing,
        nested,
        naps,
        marathon,
        persistent,
        recovering,
        by_letters,
        numbers,
    ],
    assets=[by_letter, longer, sides, total, doubled],
    asset_checks=[is_even, is_small],
    resources={
        "factors": Numbers(token=dg.EnvVar("CODE_TOKEN")),
        **io_manager(os.environ.get("CODE_STORAGE", "")),
    },
)
