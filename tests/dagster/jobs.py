"""The workspace of the tests: jobs as a user has them."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg


@dg.op(config_schema=dict)
def op_a() -> int:
    return 1


@dg.op(config_schema=dict)
def op_b(number: int) -> None: ...


@dg.job(tags={"lambda/function_name": "echo"})
def tagged() -> None:
    op_b(op_a())


@dg.job
def untagged() -> None:
    op_b(op_a())


@dg.job(config={"ops": {"op_a": {"config": {"from": "the job"}}}})
def configured() -> None:
    op_b(op_a())


@dg.op(config_schema=dict)
def extract() -> list[str]:
    return []


@dg.op(config_schema=dict)
def transform(extract: list[str]) -> list[str]:
    return extract


@dg.op(config_schema=dict)
def load(transform: list[str]) -> None: ...


@dg.job
def in_order() -> None:
    load(transform(extract()))


@dg.op(out=dg.DynamicOut(int))
def count() -> Iterator[dg.DynamicOutput[int]]:
    yield dg.DynamicOutput(1, mapping_key="one")


@dg.op
def double(number: int) -> int:
    return 2 * number


@dg.job
def dynamic() -> None:
    count().map(double)


@dg.graph
def preparing() -> list[str]:
    return transform(extract())  # type: ignore[no-any-return] # A handle, not a value.


@dg.job
def nested() -> None:
    load(preparing())


days = dg.StaticPartitionsDefinition(["monday", "tuesday", "wednesday"])


@dg.asset(key_prefix="shop", partitions_def=days)
def orders() -> None: ...


@dg.asset(key_prefix="shop", partitions_def=days, deps=[orders])
def invoices() -> None: ...


shop_assets = dg.define_asset_job("shop_assets", [orders, invoices])


@dg.op(config_schema=dict)
def nap() -> None: ...


@dg.job
def napping() -> None:
    nap()


@dg.op(config_schema=dict, ins={"start": dg.In(dg.Nothing)})
def fail() -> None: ...


@dg.op(config_schema=dict, ins={"start": dg.In(dg.Nothing)})
def publish() -> dict[str, list[str]]:
    return {}


@dg.op(config_schema=dict, ins={"start": dg.In(dg.Nothing)}, name="nap")
def nap_after() -> None: ...


@dg.job
def failing() -> None:
    publish(fail(extract()))


@dg.job
def patient() -> None:
    fail()


@dg.job
def reporting() -> None:
    publish(extract())


@dg.op(config_schema=dict)
def once_there(extract: list[str]) -> list[str]:
    return extract


@dg.job
def recovering() -> None:
    publish(once_there(extract()))


@dg.job
def outliving() -> None:
    nap_after(extract())


definitions = dg.Definitions(
    assets=[orders, invoices],
    jobs=[
        tagged,
        recovering,
        untagged,
        configured,
        in_order,
        dynamic,
        nested,
        shop_assets,
        napping,
        failing,
    ],
)

shop = definitions.resolve_job_def("shop_assets")
