"""Handlers that run the ops of a Dagster run within the invocation, in the local Lambda."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.dagster_client import (
    ALL_OF_A,
    ETL,
    ETL_RESULTS,
    SECRET,
    MakeDagsterClient,
    payload,
)
from tests.support.fault_scenario import PROMISED_MS
from tests.support.lambdas import events


async def test_inline_run_needs_no_server_and_gives_the_same_results(
    dagster_client: MakeDagsterClient,
) -> None:
    nowhere = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    record, answer = await dagster_client("inline", env=nowhere).invoke(payload(ETL, "etl"))
    body = json.loads(answer["body"])
    assert body["result"] == {"ops_processed": 3, "results": ETL_RESULTS}
    assert events(record) == ["extract 1", "transform", "load", "hook", "teardown"]
    assert record.report
    assert record.report["stop_reason"] == "result"
    assert record.report["tasks"]["activity"] == 3
    assert record.report["connection"] is None


@pytest.mark.parametrize(
    ("event", "results"),
    [
        ({"ops": {"extract": {"config": {"table": "a", "limit": 1}}}}, ALL_OF_A),
        ({"extract": {"config": {"table": "a", "limit": 1}}}, ALL_OF_A),
        ({"table": "a", "limit": 1}, {"extract": ["a-0"]}),
    ],
    ids=["config_only", "ops_only", "custom"],
)
async def test_inline_run_in_each_payload_mode(
    dagster_client: MakeDagsterClient, event: Any, results: Any
) -> None:
    code, body = await dagster_client("inline").ask(event)
    assert code == 200
    assert body["result"]["results"] == results


async def test_pinned_mode_takes_a_look_alike_for_what_it_is(
    dagster_client: MakeDagsterClient,
) -> None:
    event = {"dagster_run": {"run_id": "x"}, "table": "a"}
    code, body = await dagster_client("custom").ask(event)
    assert (code, "dagster_run: unknown" in body["error"]) == (400, True)


async def test_inline_retries_and_timeouts_are_those_of_the_options(
    dagster_client: MakeDagsterClient,
) -> None:
    inline = dagster_client("inline")
    code, body = await inline.ask(payload({"fail": {"succeeds_at": 3}}, "patient"))
    assert (code, body["status"]) == (200, "success")
    code, body = await inline.ask(payload({"nap": {"steps": 100}}, "hasty"))
    assert code == 500
    assert body["error"].startswith("op nap failed: TimeExpired")


async def test_inline_secret_is_looked_up(dagster_client: MakeDagsterClient) -> None:
    event = payload({"tell_key": {"table": "t", "key": {"env": "API_KEY"}}})
    code, body = await dagster_client("inline", env={"API_KEY": SECRET}).ask(event)
    assert (code, body["result"]["results"]) == (200, {"tell_key": len(SECRET)})


async def test_inline_op_is_cut_off_at_the_deadline_with_hooks_run(
    dagster_client: MakeDagsterClient,
) -> None:
    napping = dagster_client(
        "inline", seconds=5, env={"TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "3s"}
    )
    record, answer = await napping.invoke(payload({"nap": {"steps": 100}}))
    assert answer["statusCode"] == 500
    assert "the function's time was over at op nap" in json.loads(answer["body"])["error"]
    assert events(record)[-2:] == ["hook", "teardown"]
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert record.report
    assert record.report["abandoned"] == []


async def test_inline_op_that_blocks_its_thread_is_named_and_left_behind(
    dagster_client: MakeDagsterClient,
) -> None:
    blocking = dagster_client(
        "inline", seconds=5, env={"TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "3s"}
    )
    record, _ = await blocking.invoke(payload({"block": {"seconds": 20}}))
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert events(record) == ["hook", "teardown"]
    assert record.report
    assert record.report["abandoned"][0]["activity"] == "block"


async def test_inline_failure_is_raised_where_that_was_asked_for(
    dagster_client: MakeDagsterClient,
) -> None:
    _, error = await dagster_client("inline_raising").invoke(payload({"fail": {}}))
    assert error["errorMessage"] == "op fail failed: ValueError: no luck"


async def test_failure_is_raised_unless_the_launcher_waits_for_the_answer(
    dagster_client: MakeDagsterClient,
) -> None:
    both = dagster_client("inline_both")
    _, error = await both.invoke(payload({"fail": {}}))
    assert error["errorType"] == "RunFailedError"
    awaited = {"invocation_type": "RequestResponse"}
    code, body = await both.ask(payload({"fail": {}}, metadata=awaited))
    assert (code, body["steps"][0]["status"]) == (500, "failure")


async def test_inline_function_refuses_what_is_for_durable_runs(
    dagster_client: MakeDagsterClient,
) -> None:
    inline = dagster_client("inline")
    code, body = await inline.ask({"dagster_run": {"run_id": "x"}, "request": "cancel"})
    assert (code, "is for durable runs" in body["error"]) == (400, True)
    code, body = await inline.ask({})
    assert (code, "is empty" in body["error"]) == (400, True)
