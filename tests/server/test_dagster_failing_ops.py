"""What fails before or after the body of an op ends the run at once, with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from temporal_lambda.local import LocalStack
from tests.support.dagster_client import DagsterClient, payload
from tests.support.lambdas import MakeFunction, events

NO_JSON = "OutputError: the output can't be encoded"
REASONS = {
    "returns_decimal": f"{NO_JSON}: TypeError: Object of type Decimal",
    "returns_bytes": f"{NO_JSON}: TypeError: bytes are no JSON value",
    "returns_deep_nesting": f"{NO_JSON}: RecursionError",
    "returns_3_megabytes": "OutputError: the output has 3000",
    "takes_lists": "PayloadError: the arguments of op takes_lists can't be converted: TypeError",
    "exits": "SystemExit: 3",
    "exits_in_a_thread": "SystemExit: no disk",
    "fails_at_length": "ValueError: eeee",
    "fails_with_a_surrogate": "ValueError: caf?",
    "fails_with_odd_details": "Odd: odd",
    "fails_without_text": "TextlessError: (its text can't be had: __str__ raises a RuntimeError)",
}
SOON_MS = 5_000


@pytest.fixture(params=["durable", "inline"])
def failing(
    request: pytest.FixtureRequest, stack: LocalStack, make_function: MakeFunction
) -> Callable[..., DagsterClient]:
    def make(**options: Any) -> DagsterClient:
        return DagsterClient(stack, make_function(f"failing_ops.{request.param}", **options))

    return make


async def test_failure_around_an_op_is_its_error_at_once_and_is_told(
    failing: Callable[..., DagsterClient],
) -> None:
    graph: dict[str, list[str]] = {op: [] for op in REASONS}
    graph |= {"takes_lists": ["one"], "one": []}
    record, answer = await failing(seconds=12).invoke(payload({}, job_graph=graph))
    assert answer["statusCode"] == 500
    assert record.duration_ms < SOON_MS
    error = json.loads(answer["body"])["error"]
    for op, reason in REASONS.items():
        assert f"op {op} failed: {reason}" in error
    assert len(error) < 60_000
    assert sorted(events(record)) == sorted(op for op in REASONS if op != "takes_lists")


async def test_outputs_that_are_too_large_together_are_left_out_and_the_run_succeeds(
    failing: Callable[..., DagsterClient],
) -> None:
    graph: dict[str, list[str]] = {f"part{number}.megabyte": [] for number in range(7)}
    code, body = await failing(seconds=20).ask(payload({}, job_graph={**graph, "one": []}))
    result = body["result"]
    assert code == 200
    assert result["ops_processed"] == 8
    assert result["results"]["one"] == 1
    omitted = [output for output in result["results"].values() if "omitted: 100000" in str(output)]
    assert len(omitted) >= 2
    assert "S3" in omitted[0]


async def test_arguments_that_are_too_large_together_fail_the_op_that_needs_them(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    parts: dict[str, list[str]] = {f"part{number}.megabyte": [] for number in range(3)}
    event = payload({}, job_graph={**parts, "length_of_all": list(parts)})
    durable = DagsterClient(stack, make_function("failing_ops.durable", seconds=12))
    record, answer = await durable.invoke(event)
    assert (answer["statusCode"], record.duration_ms < SOON_MS) == (500, True)
    assert json.loads(answer["body"])["error"].startswith(
        "op length_of_all failed: ArgumentsError: its config and the outputs of the ops before it "
        "(part0.megabyte, part1.megabyte, part2.megabyte) have 300"
    )
    inline = DagsterClient(stack, make_function("failing_ops.inline", seconds=12))
    code, body = await inline.ask(event)
    assert (code, body["result"]["results"]["length_of_all"]) == (200, 3_000_000)


async def test_arguments_are_scheduled_in_messages_that_the_server_takes(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    takers = [f"taker{number}.length_of_all" for number in range(4)]
    graph: dict[str, list[str]] = {"megabyte": [], **{taker: ["megabyte"] for taker in takers}}
    durable = DagsterClient(stack, make_function("failing_ops.durable", seconds=12))
    code, body = await durable.ask(payload({}, job_graph=graph))
    assert code == 200
    assert [body["result"]["results"][taker] for taker in takers] == [1_000_000] * 4


async def test_run_with_too_large_a_config_is_refused(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    durable = DagsterClient(stack, make_function("failing_ops.durable", seconds=12))
    code, body = await durable.ask(payload({"megabyte": {"letter": "a" * 3_000_000}}))
    assert code == 400
    assert "the plan of the run, with 1 ops and their configs, has 300" in body["error"]


async def test_run_of_many_ops_is_carried_out(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    graph: dict[str, list[str]] = {f"op{number}.one": [] for number in range(100)}
    durable = DagsterClient(stack, make_function("failing_ops.durable", seconds=20))
    code, body = await durable.ask(payload({}, job_graph=graph))
    assert (code, body["result"]["ops_processed"]) == (200, 100)
