"""An invocation ends when there is nothing to do, and never in the middle of something."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.fault_scenario import FaultScenario, had_tasks
from tests.support.lambdas import MakeFunction, deploy_at_rest, rest
from tests.support.proxy import distant
from tests.support.waiting import until

SHORTEST_TIMEOUT = 10.0
"""Seconds until a lost workflow task is given to another worker."""

PAUSE = 1.5
"""Seconds: longer than idle_timeout (0.3 s here) and the second of quiet it makes sure of."""


async def test_local_activity_that_waits_for_its_retry_keeps_the_invocation(
    scenario: FaultScenario,
) -> None:
    attempts = await scenario.stack.client.execute_workflow(
        "RetriesLocally",
        PAUSE,
        id=f"retries-{uuid.uuid4().hex[:6]}",
        task_queue=scenario.deployed.task_queue,
    )
    assert attempts == 3
    await scenario.at_rest()
    (record,) = filter(had_tasks, scenario.records)
    assert record.report
    assert record.report["tasks"]["local_activity"] == 3
    assert record.report["busy_ms"] > 2 * PAUSE * 1000
    assert record.report["stop_reason"] == "idle"


async def test_activity_that_is_longer_than_idle_timeout_keeps_the_invocation(
    scenario: FaultScenario,
) -> None:
    handle = await scenario.start("hold", PAUSE)
    await scenario.result(handle)
    await scenario.at_rest()
    (record,) = filter(had_tasks, scenario.records)
    assert record.report
    assert record.report["tasks"]["activity"] == 1
    assert record.report["tasks"]["workflow"] == 2


@pytest.mark.alone
@pytest.mark.parametrize("idle_timeout", ["1s", "auto"])
async def test_task_that_comes_back_as_the_invocation_would_close_is_not_lost(
    idle_timeout: str, stack: LocalStack, make_function: MakeFunction
) -> None:
    env = {"TEMPORAL_LAMBDA_IDLE_TIMEOUT": idle_timeout}

    async def run() -> float:
        deployed = await deploy_at_rest(stack, make_function("lifecycle.lambda_handler", env=env))
        begun = time.monotonic()
        await stack.client.execute_workflow(
            "ComesBack", id=deployed.task_queue, task_queue=deployed.task_queue
        )
        return time.monotonic() - begun

    # A lost task waits for its timeout: 10 s for that of a workflow, 60 s for this activity.
    assert max(await asyncio.gather(*(run() for _ in range(4)))) < SHORTEST_TIMEOUT


@pytest.mark.alone
async def test_query_right_after_an_invocation_has_ended_is_answered(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    async def ask() -> int:
        deployed = await deploy_at_rest(stack, make_function("lifecycle.lambda_handler"))
        handle = await stack.client.start_workflow(
            "Counts", id=deployed.task_queue, task_queue=deployed.task_queue, start_signal="add"
        )
        await until(lambda: stack.service.busy(deployed.function.name))
        await rest(stack, deployed)
        try:
            count: int = await handle.query("count", rpc_timeout=timedelta(seconds=8))
            return count
        finally:
            await handle.terminate()

    assert await asyncio.gather(*(ask() for _ in range(4))) == [1] * 4


@asynccontextmanager
async def far_away(
    round_trip: float, stack: LocalStack, make_function: MakeFunction
) -> AsyncIterator[Deployed]:
    """A function at rest whose server is so many seconds away, and that waits for nothing."""
    async with distant(stack.temporal_address, round_trip) as proxy:
        env = {"TEMPORAL_ADDRESS": proxy.address, "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1ms"}
        yield await deploy_at_rest(stack, make_function("lifecycle.lambda_handler", env=env))


async def test_pauses_between_the_tasks_of_a_workflow_far_away_keep_the_invocation(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    async with far_away(0.4, stack, make_function) as deployed:
        before = stack.service.invocations
        await stack.client.execute_workflow(
            "RunActivity",
            args=["greet", "World", 10.0],
            id=f"far-{uuid.uuid4().hex[:6]}",
            task_queue=deployed.task_queue,
        )
        await rest(stack, deployed)
    tasks = [
        record.report["tasks"]
        for record in stack.service.records
        if record.function == deployed.function.name
        and record.number > before
        and record.report
        and had_tasks(record)
    ]
    assert [(each["workflow"], each["activity"]) for each in tasks] == [(2, 1)]


async def test_first_invocation_binds_the_task_queue_of_a_server_far_away(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    async with far_away(0.6, stack, make_function) as deployed:
        pass
    (record,) = [r for r in stack.service.records if r.function == deployed.function.name]
    assert record.report
    assert record.report["stop_reason"] == "idle"
