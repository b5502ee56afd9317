"""Many closings under load, through the real controller: tasks are not lost in them.

What arrives in the very moment of the shutdown may be (docs/architecture.md). Under the first load
arrivals have used up the open polls by then, and those of the second keep clear of that moment; how
often it happens otherwise is measured by ``python -m bench stress``.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable

import pytest

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.lambdas import Deploy, MakeFunction, rest

pytestmark = pytest.mark.alone

STALLED_SECONDS = 5.0
"""A workflow whose task was lost waits 10 s for it; a cold start on a busy machine takes 1 or 2."""


async def run_one(stack: LocalStack, deployed: Deployed, number: int) -> float:
    """Run a workflow of one activity; the seconds it took."""
    begun = time.monotonic()
    await stack.client.execute_workflow(
        "RunActivity",
        args=["greet", "World", 10.0],
        id=f"{deployed.task_queue}-{number}",
        task_queue=deployed.task_queue,
    )
    return time.monotonic() - begun


def often(randomness: random.Random) -> float:
    """A gap, seconds: the next arrivals use up the polls of a worker that closes."""
    return randomness.uniform(0.05, 0.5)


def in_and_after_the_close(randomness: random.Random) -> float:
    """A gap, seconds: an idle exit makes sure of a second of quiet, and most arrive in that."""
    return randomness.choice([randomness.uniform(0.3, 0.8)] * 2 + [randomness.uniform(1.6, 1.8)])


@pytest.mark.parametrize(
    ("ended_by", "timeout", "idle_timeout", "workflows", "gap"),
    [("deadline", 5, "", 60, often), ("idle", 60, "500ms", 20, in_and_after_the_close)],
    ids=["deadline", "idle"],
)
async def test_workflows_do_not_stall_while_invocations_end_all_the_time(
    ended_by: str,
    timeout: float,
    idle_timeout: str,
    workflows: int,
    gap: Callable[[random.Random], float],
    stack: LocalStack,
    make_function: MakeFunction,
    deploy: Deploy,
) -> None:
    env = {
        "TEMPORAL_TASK_QUEUE": f"stress-{uuid.uuid4().hex[:6]}",
        "TEMPORAL_LAMBDA_IDLE_TIMEOUT": idle_timeout,
        "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "500ms",
        "TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "1500ms",
    }
    deployed = await deploy(make_function("settled.lambda_handler", seconds=timeout, env=env))
    before = stack.service.invocations
    randomness = random.Random(7)
    running = []
    for number in range(workflows):
        running.append(asyncio.create_task(run_one(stack, deployed, number)))
        # The load itself: arrivals at random moments.
        await asyncio.sleep(gap(randomness))
    latencies = await asyncio.gather(*running)
    await rest(stack, deployed)
    # Without a soft close it is one closing in ten that loses a task.
    assert max(latencies) < STALLED_SECONDS, latencies
    records = [
        record
        for record in stack.service.records
        if record.function == deployed.function.name and record.number > before
    ]
    assert {record.status for record in records} == {"success"}
    reasons = [reason_of(record) for record in records]
    assert reasons.count(ended_by) >= 3


def reason_of(record: InvocationRecord) -> object:
    return record.report and record.report["stop_reason"]


async def test_burst_is_worked_off_by_as_many_environments_as_the_function_may_have(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    env = {"TEMPORAL_TASK_QUEUE": f"burst-{uuid.uuid4().hex[:6]}"}
    deployed = await deploy(make_function("settled.lambda_handler", env=env, concurrency=3))
    latencies = await asyncio.gather(*(run_one(stack, deployed, number) for number in range(60)))
    assert max(latencies) < 4 * STALLED_SECONDS
    await rest(stack, deployed)
    records = [r for r in stack.service.records if r.function == deployed.function.name]
    assert {record.status for record in records} == {"success"}
    assert len({record.pid for record in records}) <= 3
