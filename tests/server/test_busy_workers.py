"""Workers under loads that have stopped others: heartbeats by the thousand, a shared queue."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent

from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.by_hand import by_hand
from tests.support.lambdas import Deploy, MakeFunction
from tests.support.waiting import PATIENCE


async def run_activities(
    stack: LocalStack, deployed: Deployed, activities: list[tuple[str, Any]]
) -> list[HistoryEvent]:
    """Run workflows of one activity each at once; the events of their histories."""

    async def run(activity: str, argument: Any) -> list[HistoryEvent]:
        handle: Any = await stack.client.start_workflow(
            "RunActivity",
            args=[activity, argument, 20.0],
            id=f"{activity}-{uuid.uuid4().hex[:8]}",
            task_queue=deployed.task_queue,
        )
        await handle.result()
        return [event async for event in handle.fetch_history_events()]

    runs = [run(activity, argument) for activity, argument in activities]
    histories = await asyncio.wait_for(asyncio.gather(*runs), PATIENCE)
    return [event for history in histories for event in history]


def repeated(events: list[HistoryEvent]) -> list[HistoryEvent]:
    """Attempts of activities after the first one."""
    return [event for event in events if event.activity_task_started_event_attributes.attempt > 1]


async def test_heartbeats_by_the_thousand_stop_no_worker(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    # Heartbeats and slot suppliers once waited for each other in the SDK (temporalio 1.34).
    env = {"TEMPORAL_LAMBDA_MAX_CONCURRENT_ACTIVITIES": "8"}
    deployed = await deploy(
        make_function("lifecycle.lambda_handler", seconds=30, env=env, concurrency=1)
    )
    events = await run_activities(
        stack, deployed, [(name, 300) for name in ("beat", "beat_in_thread")] * 10
    )
    assert repeated(events) == []


@pytest.mark.alone
async def test_queue_shared_with_a_long_lived_worker_of_the_same_version_loses_no_activity(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("lifecycle.lambda_handler"))
    with by_hand(stack, deployed.task_queue):
        events: list[HistoryEvent] = []
        for _ in range(5):
            # Invocations come and go beside it. The next workflows begin just as one has ended: a
            # workflow task may then wait for its timeout, which is the gap in docs/closing.md.
            invoked = asyncio.create_task(stack.service.invoke(deployed.function, b"{}"))
            events += await run_activities(stack, deployed, [("greet", "you")] * 4)
            await invoked
    assert repeated(events) == []
