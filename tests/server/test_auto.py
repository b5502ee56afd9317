"""An invocation with idle_timeout auto ends with its work, unless more of it comes soon."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import Any

import pytest

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.fault_scenario import had_tasks
from tests.support.lambdas import Invoke, MakeFunction, deploy_at_rest, rest

SHORTEST_TIMEOUT = 8.0
"""Seconds; a task that is lost or unserved waits longer, even a cold start takes less."""

AUTO = {"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "auto"}


async def invocations(
    stack: LocalStack, deployed: Deployed, workflow: str, *arguments: Any
) -> list[InvocationRecord]:
    """The invocations that had tasks, of those that one workflow causes."""
    before = stack.service.invocations
    workflow_id = f"auto-{uuid.uuid4().hex[:6]}"
    await stack.client.execute_workflow(
        workflow, args=arguments, id=workflow_id, task_queue=deployed.task_queue
    )
    await rest(stack, deployed)
    found = [
        record
        for record in stack.service.records
        if record.function == deployed.function.name and record.number > before
    ]
    assert {record.report and record.report["stop_reason"] for record in found} == {"idle"}
    return list(filter(had_tasks, found))


@pytest.mark.parametrize(
    ("workflow", "arguments", "count"),
    [
        ("RunActivity", ["hold", 1.5, 10.0], 1),
        ("Naps", [2, 0.2], 1),
        ("Naps", [1, 3.0], 2),
    ],
    ids=["one activity", "short pauses", "a long pause"],
)
async def test_invocation_ends_with_the_work_unless_more_of_it_comes_soon(
    workflow: str,
    arguments: list[Any],
    count: int,
    stack: LocalStack,
    make_function: MakeFunction,
) -> None:
    deployed = await deploy_at_rest(stack, make_function("lifecycle.lambda_handler", env=AUTO))
    assert len(await invocations(stack, deployed, workflow, *arguments)) == count


@pytest.mark.parametrize("pause", [0.02, 0.1, 0.3])
async def test_client_that_starts_one_workflow_after_the_other_never_waits_for_long(
    pause: float, stack: LocalStack, make_function: MakeFunction
) -> None:
    deployed = await deploy_at_rest(stack, make_function("lifecycle.lambda_handler", env=AUTO))
    longest = 0.0
    for _ in range(6):
        begun = time.monotonic()
        await stack.client.execute_workflow(
            "RunActivity",
            args=["hold", 0.02, 10.0],
            id=f"auto-{uuid.uuid4().hex[:6]}",
            task_queue=deployed.task_queue,
        )
        longest = max(longest, time.monotonic() - begun)
        await asyncio.sleep(pause)
    # A task that called nobody waits for up to a minute; a lost one for 10 s.
    assert longest < SHORTEST_TIMEOUT


async def test_invocation_without_idle_timeout_says_once_what_that_cost(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(
        "lifecycle.lambda_handler", seconds=6, env={"TEMPORAL_LAMBDA_IDLE_TIMEOUT": ""}
    )
    reports = [(await invoke(function)).report for _ in range(2)]
    advice = [report and report["advice"] for report in reports]
    assert re.match(r"\d\.\d s were billed .*: set idle_timeout = \"auto\"", advice[0] or "")
    assert advice[1] is None


async def test_worker_that_was_queried_stays_while_the_server_would_lose_the_next_query(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    env = {**AUTO, "TEMPORAL_LAMBDA_POLL_CANCELLATION_FANS_OUT": "false"}
    function = make_function("lifecycle.lambda_handler", seconds=20, env=env)
    deployed = await deploy_at_rest(stack, function)
    handle = await stack.client.start_workflow(
        "Counts", id=deployed.task_queue, task_queue=deployed.task_queue, start_signal="add"
    )
    try:
        assert await handle.query("count") == 1
        await rest(stack, deployed)
    finally:
        await handle.terminate()
    last = max(
        (r for r in stack.service.records if r.function == function.name), key=lambda r: r.number
    )
    assert last.report
    assert last.report["stop_reason"] == "idle"
    assert last.report["idle_ms"] > 5000
