"""A run whose ops fail around their bodies ends at once, and Dagster shows each reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterRunStatus

from temporal_lambda.local import Function, LocalStack
from tests.dagster.dagster_fixtures import Dagster, sync
from tests.server.test_dagster_failing_ops import REASONS
from tests.support.lambdas import MakeFunction

pytestmark = pytest.mark.server

ALONE = [dg.op(name=name)(lambda: None) for name in REASONS if name != "takes_lists"]


@dg.op
def one() -> int:
    return 1


@dg.op
def takes_lists(one: int) -> None: ...


@dg.job
def hopeless() -> None:
    takes_lists(one())
    for op in ALONE:
        op()


@dg.op(config_schema=dict)
def megabyte() -> str:
    return ""


@dg.op
def length_of_all(first: str, second: str, third: str) -> None: ...


@dg.graph
def part() -> str:
    return megabyte()  # type: ignore[no-any-return] # A handle, not a value.


@dg.job
def too_large() -> None:
    length_of_all(part.alias("a")(), part.alias("b")(), part.alias("c")())


@dg.job
def large() -> None:
    for name in "abc":
        part.alias(name)()


@pytest.fixture
def function(stack: LocalStack, make_function: MakeFunction) -> Callable[..., Function]:
    return lambda handler: stack.create(make_function(f"failing_ops.{handler}", seconds=12))


async def ended(
    beside: Dagster, function: Function, job: dg.JobDefinition, *, durable: bool
) -> str:
    tags = sync(function.name, durable=str(durable).lower())
    run_id = await asyncio.to_thread(beside.launch, tags, {}, job)
    await asyncio.to_thread(beside.finished, run_id)
    return run_id


def errors(beside: Dagster, run_id: str) -> dict[str, str]:
    """Step -> type and message of its error."""
    found = {}
    for log in beside.instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE):
        error = log.dagster_event and log.dagster_event.step_failure_data.error
        assert error
        found[log.step_key or ""] = f"{error.cls_name}: {error.message}"
    return found


@pytest.mark.parametrize("durable", [True, False], ids=["durable", "inline"])
async def test_each_op_is_a_failed_step_with_its_reason_after_one_invocation(
    stack: LocalStack, beside: Dagster, function: Callable[..., Function], *, durable: bool
) -> None:
    failing = function("durable" if durable else "inline")
    run_id = await ended(beside, failing, hopeless, durable=durable)
    assert beside.run(run_id).status is DagsterRunStatus.FAILURE
    found = errors(beside, run_id)
    assert found.keys() == REASONS.keys()
    for op, reason in REASONS.items():
        assert found[op].startswith(reason)
    invocations = [one for one in stack.service.records if one.function == failing.name]
    assert [one.duration_ms < 5_000 for one in invocations] == [True]


async def test_outputs_that_are_too_large_together_end_a_durable_run_with_the_remedy(
    beside: Dagster, function: Callable[..., Function]
) -> None:
    durable = function("durable")
    failed = await ended(beside, durable, too_large, durable=True)
    assert beside.run(failed).status is DagsterRunStatus.FAILURE
    assert "keep large data elsewhere, such as in S3" in beside.failed(failed)
    succeeded = await ended(beside, durable, large, durable=True)
    assert beside.run(succeeded).status is DagsterRunStatus.SUCCESS
    assert "omitted: 1000" in str(beside.result(succeeded))
