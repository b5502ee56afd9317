"""Events that are no plain run: questions, cancel requests, and what can't be served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from temporal_lambda.local import LocalStack
from tests.support.dagster_client import (
    MakeDagsterClient,
    payload,
    pending_activity,
)


async def test_question_is_answered_even_where_failures_are_raised(
    dagster_client: MakeDagsterClient,
) -> None:
    raising = dagster_client("durable_raising")
    question = {"dagster_run": {"run_id": "never"}, "request": "status"}
    assert (await raising.ask(question))[0] == 404
    event = payload({"fail": {}})
    await raising.invoke(event)
    code, body = await raising.ask({"dagster_run": event["dagster_run"], "request": "status"})
    assert (code, body["status"]) == (500, "error")


async def test_empty_event_is_the_controllers_whatever_the_mode(
    dagster_client: MakeDagsterClient,
) -> None:
    record, answer = await dagster_client("durable_custom").invoke({})
    assert (record.status, answer) == ("success", None)
    assert record.report
    assert record.report["stop_reason"] == "idle"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {
                "dagster_run": {"run_id": "a"},
                "run_config": {"ops": {"load": {"inputs": {"a": {"env": "API_KEY"}}}}},
            },
            "an input of op 'load' refers to the environment variable 'API_KEY'",
        ),
        ({"dagster_run": {"run_id": "../etc"}, "run_config": {}}, "dagster_run.run_id"),
        (payload({"unheard_of": {}}), "no op 'unheard_of'"),
        (payload({"extract": {"tabel": "users"}}), "table: is missing; tabel: unknown"),
        (payload({"extract": {"table": "t", "limit": "many"}}), "limit: is no int"),
        (payload({"transform": {"key": {"env": "HOME"}}}), "'HOME', which is not allowed"),
        (payload({}), "the run has no ops"),
        (payload({}, job_graph={"load": ["extract"], "extract": ["load"]}), "wait for each other"),
        (payload({}, job_graph={"load": ["extract"]}), "needs the output of 'extract'"),
        ([1, 2], "names no op"),
    ],
    ids=lambda value: value if isinstance(value, str) else "event",
)
async def test_payload_that_cant_be_served_is_refused_with_the_reason(
    stack: LocalStack, dagster_client: MakeDagsterClient, event: Any, said: str
) -> None:
    code, body = await dagster_client().ask(event)
    assert (code, body["status"]) == (400, "error")
    assert said in body["error"]


async def test_cancel_request_ends_a_run_that_another_invocation_works_for(
    stack: LocalStack, dagster_client: MakeDagsterClient
) -> None:
    napping, event = dagster_client(seconds=20), payload({"nap": {"steps": 100, "seconds": 0.2}})
    running = asyncio.create_task(napping.ask(event))
    handle = stack.client.get_workflow_handle(f"dagster-{event['dagster_run']['run_id']}")
    await pending_activity(handle)
    question = {"dagster_run": event["dagster_run"], "request": "status"}
    assert (await napping.ask(question))[1]["status"] == "running"
    code, body = await napping.ask({**question, "request": "cancel"})
    assert (code, body["status"]) == (200, "canceled")
    code, body = await running
    assert (code, body["status"]) == (409, "canceled")
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED


async def test_question_about_an_unknown_run_is_answered_so(
    dagster_client: MakeDagsterClient,
) -> None:
    for request in ("cancel", "status"):
        code, body = await dagster_client().ask(
            {"dagster_run": {"run_id": "never"}, "request": request}
        )
        assert (code, body["error"]) == (404, "no such run is known here")
