"""Handlers that serve the runs Dagster launches, in the local Lambda and on a real server."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from temporal_lambda.local import InvocationRecord, LocalStack
from tests.support.dagster_client import (
    DEADLY,
    ETL,
    ETL_RESULTS,
    SECRET,
    DagsterClient,
    MakeDagsterClient,
    payload,
)
from tests.support.fault_scenario import PROMISED_MS, RETRY_DELAYS
from tests.support.lambdas import MakeFunction, events


async def test_durable_run_passes_outputs_downstream_in_the_order_of_the_job(
    dagster_client: MakeDagsterClient,
) -> None:
    event = payload(ETL, "etl")
    run_id = event["dagster_run"]["run_id"]
    code, body = await dagster_client().ask(event)
    steps = body.pop("steps")
    assert (code, body) == (
        200,
        {
            "run_id": run_id,
            "job_name": "etl",
            "workflow_id": f"dagster-{run_id}",
            "status": "success",
            "result": {"ops_processed": 3, "results": ETL_RESULTS},
        },
    )
    assert [(step["op"], step["status"]) for step in steps] == [
        ("extract", "success"),
        ("transform", "success"),
        ("load", "success"),
    ]


async def test_graph_in_the_payload_comes_before_the_order_given_here(
    dagster_client: MakeDagsterClient,
) -> None:
    graph = {"extract": [], "transform": ["extract"], "renamed": ["transform"]}
    event = payload({"extract": {"table": "users"}}, "etl", job_graph=graph)
    code, body = await dagster_client().ask(event)
    assert code == 200
    results = {"extract": [], "transform": [], "renamed": "no arguments"}
    assert {op: type(output) for op, output in body["result"]["results"].items()} == {
        op: type(output) for op, output in results.items()
    }


async def test_second_delivery_gets_the_first_result_and_runs_nothing_again(
    dagster_client: MakeDagsterClient,
) -> None:
    etl, event = dagster_client(), payload(ETL, "etl")
    first, answer = await etl.invoke(event)
    second, answer_again = await etl.invoke(event)
    assert answer_again == answer
    assert [e for e in events(first) if "extract" in e] == ["extract 1"]
    assert not [e for e in events(second) if "extract" in e]


async def test_two_deliveries_at_once_run_each_op_once(
    dagster_client: MakeDagsterClient,
) -> None:
    etl, event = dagster_client(), payload({**ETL, "nap": {"steps": 2, "seconds": 0.2}}, "etl")
    one, other = await asyncio.gather(etl.invoke(event), etl.invoke(event))
    assert one[1] == other[1]
    told = [*events(one[0]), *events(other[0])]
    assert sorted(e for e in told if not e.startswith(("hook", "teardown"))) == [
        "extract 1",
        "load",
        "nap from 0",
        "transform",
    ]


async def test_event_that_lambda_delivers_again_goes_on_and_repeats_no_op(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    function = stack.create(make_function("dagster_ops.durable", retry_delays=RETRY_DELAYS))
    event = payload({"extract": {"table": "users"}}, "deadly", job_graph=DEADLY)
    request_id = stack.service.enqueue(
        function, json.dumps(event).encode(), arn=None, trace_id=None
    )

    def second(record: InvocationRecord) -> bool:
        return record.request_id == request_id and record.status == "success"

    last = await stack.service.wait_for_record(second, 30)
    first = next(r for r in stack.service.records if r.request_id == request_id)
    assert (first.status, last.status) == ("crash", "success")
    assert events(first) == ["extract 1", "die_at_first 1"]
    assert [e for e in events(last) if e not in ("hook", "teardown")] == ["die_at_first 2"]
    handle = stack.client.get_workflow_handle(f"dagster-{event['dagster_run']['run_id']}")
    assert (await handle.result())["results"]["die_at_first"] == "alive"


async def test_run_that_outlives_its_invocation_is_running_and_goes_on_when_asked_again(
    dagster_client: MakeDagsterClient,
) -> None:
    napping = dagster_client(seconds=6, env={"TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "3s"})
    event = payload({"nap": {"steps": 5, "seconds": 0.8}})
    first, answer = await napping.invoke(event)
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["status"] == "running"
    assert first.duration_ms < 6_000 - PROMISED_MS
    assert events(first)[-2:] == ["hook", "teardown"]
    for _ in range(4):
        code, body = await napping.ask(event)
        if code == 200:
            break
    assert body["result"]["results"] == {"nap": "slept 5"}


async def test_error_of_an_op_fails_the_run_at_once_and_is_named(
    dagster_client: MakeDagsterClient,
) -> None:
    failing = dagster_client()
    event = payload({}, job_graph={"fail": [], "transform": ["fail"]})
    record, answer = await failing.invoke(event)
    assert answer["statusCode"] == 500
    body = json.loads(answer["body"])
    assert (body["status"], body["error"]) == ("error", "op fail failed: ValueError: no luck")
    assert events(record) == ["fail 1", "hook", "teardown"]
    assert await failing.ask(event) == (500, body)


async def test_retry_policy_of_an_op_in_its_job_is_kept_to(
    dagster_client: MakeDagsterClient,
) -> None:
    code, body = await dagster_client().ask(payload({"fail": {"succeeds_at": 3}}, "patient"))
    assert (code, body["status"]) == (200, "success")


async def test_failed_run_is_raised_where_that_was_asked_for(
    dagster_client: MakeDagsterClient,
) -> None:
    record, error = await dagster_client("durable_raising").invoke(payload({"fail": {}}))
    assert record.status == "error", "\n".join(record.log)
    assert error["errorType"] == "RunFailedError"
    assert error["errorMessage"] == "op fail failed: ValueError: no luck"


async def test_job_can_be_a_workflow_of_ones_own(
    dagster_client: MakeDagsterClient,
) -> None:
    event = payload({"extract": {"table": "users"}}, "own")
    code, body = await dagster_client().ask(event)
    assert code == 200
    run_id = event["dagster_run"]["run_id"]
    assert body["result"] == {"own": f"job own, run {run_id}", "ops": ["extract"]}


async def test_secret_is_looked_up_where_the_op_runs_and_in_no_history(
    stack: LocalStack, dagster_client: MakeDagsterClient
) -> None:
    event = payload({"tell_key": {"table": "t", "key": {"env": "API_KEY"}}})
    event["environment_variables"] = {"OTHER": "also-secret"}
    keyed = dagster_client(env={"API_KEY": SECRET})
    record, answer = await keyed.invoke(event)
    body = json.loads(answer["body"])
    assert body["result"]["results"] == {"tell_key": len(SECRET)}
    history = await stack.client.get_workflow_handle(body["workflow_id"]).fetch_history()
    for text in (history.to_json(), answer, "\n".join(record.log)):
        assert SECRET not in str(text)
        assert "also-secret" not in str(text)


async def test_secret_that_is_not_set_fails_the_op_by_name(
    dagster_client: MakeDagsterClient,
) -> None:
    code, body = await dagster_client().ask(
        payload({"tell_key": {"table": "t", "key": {"env": "API_KEY"}}})
    )
    assert code == 500
    assert "the environment variable API_KEY is not set in this function" in body["error"]


@pytest.mark.parametrize(
    "op", ["pydantic_async", "pydantic_sync", "dataclass_async", "dataclass_sync"]
)
async def test_secret_that_does_not_fit_is_told_by_field_and_shown_nowhere(
    stack: LocalStack, dagster_client: MakeDagsterClient, op: str
) -> None:
    event = payload({op: {"limit": {"env": "API_KEY"}}})
    record, answer = await dagster_client(env={"API_KEY": SECRET}).invoke(event)
    body = json.loads(answer["body"])
    assert body["status"] == "error"
    assert (
        f"op {op} failed: PayloadError: the config of op '{op}' is wrong: limit: " in body["error"]
    )
    history = await stack.client.get_workflow_handle(body["workflow_id"]).fetch_history()
    for text in (history.to_json(), answer, "\n".join(record.log)):
        assert SECRET not in str(text)


async def test_build_that_can_not_go_on_with_a_run_says_which_can(
    dagster_client: MakeDagsterClient,
) -> None:
    event = payload({"nap": {"steps": 100}})
    old = dagster_client(seconds=6)
    new_build = {**old.function.environment, "BUILD": "2"}
    code, _ = await old.ask(event)
    new = DagsterClient(
        old.stack, replace(old.function, name=f"{old.function.name}-2", environment=new_build)
    )
    record, answer = await new.invoke(event)
    assert (code, answer["statusCode"]) == (202, 202)
    assert json.loads(answer["body"])["pinned_to"] == "1"
    assert record.duration_ms < 4_000
    code, body = await new.ask({"dagster_run": event["dagster_run"], "request": "cancel"})
    assert body["status"] in ("running", "canceled")


@pytest.mark.parametrize("handler", ["durable", "inline"])
async def test_attempt_that_takes_too_long_fails_an_op_without_a_retry_policy(
    dagster_client: MakeDagsterClient, handler: str
) -> None:
    record, answer = await dagster_client(handler).invoke(payload({"nap": {"steps": 5}}, "strict"))
    assert answer["statusCode"] == 500
    assert [e for e in events(record) if e.startswith("nap")] == ["nap from 0"]


@pytest.mark.parametrize("handler", ["durable", "inline"])
async def test_outputs_are_json_or_said_to_be_none(
    dagster_client: MakeDagsterClient, handler: str
) -> None:
    asked = dagster_client(handler)
    code, body = await asked.ask(payload({"typed_output": {}}))
    assert (code, body["result"]["results"]) == (200, {"typed_output": {"rows": 3}})
    code, body = await asked.ask(payload({"no_json": {}}))
    assert (code, body["status"]) == (200, "success")
    assert body["result"]["results"].startswith("omitted: no JSON")


async def test_controller_goes_on_with_a_run_by_itself(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    deployed = await stack.deploy(
        make_function("dagster_ops.durable", seconds=6, env={"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1s"})
    )
    event = payload({"nap": {"steps": 6, "seconds": 0.8}})
    function = stack.service.find(deployed.function.name)
    assert function
    _, response = await stack.service.invoke(function, json.dumps(event).encode())
    assert json.loads(response.payload)["statusCode"] == 202
    handle = stack.client.get_workflow_handle(f"dagster-{event['dagster_run']['run_id']}")
    result = await asyncio.wait_for(handle.result(), 30)
    assert result["results"] == {"nap": "slept 6"}
