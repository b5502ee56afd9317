"""What a handler's answers say of each op, for Dagster to show as steps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.support.dagster_client import DagsterClient, MakeDagsterClient, payload

GRAPH = {"extract": [], "publish": ["extract"]}
BOTH = pytest.mark.parametrize("handler", ["durable", "inline"])


def by_op(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["op"]: step for step in body["steps"]}


@BOTH
async def test_steps_have_their_times_log_lines_and_what_they_reported(
    dagster_client: MakeDagsterClient, handler: str
) -> None:
    event = payload({"extract": {"table": "t"}}, job_graph=GRAPH)
    event["dagster_run"]["partition_key"] = "2026-01-09"
    code, body = await dagster_client(handler).ask(event)
    steps = by_op(body)
    assert code == 200
    extract, publish = steps["extract"], steps["publish"]
    assert extract["start"] <= extract["end"] <= publish["start"] <= publish["end"]
    assert publish["logs"][0]["message"].startswith("publishing 2026-01-09 of job")
    assert [(one["kind"], one["asset_key"], one.get("partition")) for one in publish["events"]] == [
        ("materialization", "shop/orders", "2026-01-09"),
        ("observation", "shop/prices", "2026-01-09"),
        ("asset_check", "shop/orders", None),
        ("materialization", "shop/summary", "2026-01-09"),
    ]
    assert publish["metadata"] == {"rows": 2}
    # The result has the outputs of a run that succeeded.
    assert "output" not in extract


@BOTH
async def test_failed_run_tells_the_outputs_of_what_was_through_and_the_error_of_what_was_not(
    dagster_client: MakeDagsterClient, handler: str
) -> None:
    graph = {"extract": [], "fail": ["extract"], "publish": ["fail"]}
    event = payload({"extract": {"table": "t"}}, job_graph=graph)
    code, body = await dagster_client(handler).ask(event)
    steps = by_op(body)
    assert code == 500
    assert steps["extract"]["output"] == ["t-0", "t-1"]
    failed = steps["fail"]
    assert (failed["status"], failed["error"]["type"]) == ("failure", "ValueError")
    assert failed["error"]["message"] == "no luck"
    assert any("dagster_ops.py" in line for line in failed["error"]["stack"])
    assert "publish" not in steps


@BOTH
async def test_retries_are_told(dagster_client: MakeDagsterClient, handler: str) -> None:
    code, body = await dagster_client(handler).ask(payload({"fail": {"succeeds_at": 3}}, "patient"))
    step = by_op(body)["fail"]
    assert (code, step["status"], step["attempt"]) == (200, "success", 3)
    last = step["earlier"][-1]
    assert (last["attempt"], last["error"]["message"]) == (2, "no luck")


async def test_status_of_a_run_under_way_says_which_op_runs_and_takes_in_no_work(
    dagster_client: MakeDagsterClient,
) -> None:
    napping = dagster_client()
    graph = {"extract": [], "nap": ["extract"], "transform": ["extract", "nap"]}
    nap = {"steps": 6, "seconds": 0.5}
    event = payload({"extract": {"table": "t"}, "nap": nap}, job_graph=graph)
    asking = asyncio.create_task(napping.ask(event))
    question = {"dagster_run": event["dagster_run"], "request": "status"}
    steps, record = await status_of_running(napping, question, "nap")
    assert steps["extract"]["status"] == "success"
    assert steps["nap"]["attempt"] == 1
    assert "transform" not in steps
    assert not any(record.report["tasks"].values())
    assert (await asking)[0] == 200


async def test_run_that_outlives_its_invocation_tells_its_steps_so_far(
    dagster_client: MakeDagsterClient,
) -> None:
    napping = dagster_client(seconds=6, env={"TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "3s"})
    graph = {"extract": [], "nap": ["extract"]}
    nap = {"steps": 100, "seconds": 0.2}
    event = payload({"extract": {"table": "t"}, "nap": nap}, job_graph=graph)
    code, body = await napping.ask(event)
    steps = by_op(body)
    assert (code, steps["extract"]["status"]) == (202, "success")
    assert steps["nap"]["status"] in ("running", "retrying")


async def status_of_running(client: DagsterClient, question: Any, op: str) -> Any:
    """The steps and the invocation of the first answer in which an op runs."""
    async with asyncio.timeout(15):
        while True:
            record, answer = await client.invoke(question)
            body = json.loads(answer["body"])
            steps = by_op(body) if "steps" in body else {}
            if steps.get(op, {}).get("status") == "running":
                return steps, record
            await asyncio.sleep(0.05)
