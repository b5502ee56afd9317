"""The workspace of the tests: jobs as a user has them."""

from __future__ import annotations

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


@dg.op(config_schema=dict)
def nap() -> None: ...


@dg.job
def napping() -> None:
    nap()


definitions = dg.Definitions(jobs=[tagged, untagged, configured, in_order, napping])
