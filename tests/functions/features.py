"""One workflow for each feature of Temporal that docs/features.md names, and what serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from common import VERSION, register
from temporalio import activity, workflow
from temporalio.common import RawValue, RetryPolicy, VersioningBehavior
from temporalio.exceptions import ApplicationError

from temporal_lambda import LambdaWorkerConfig, run_worker

AUTO_UPGRADE = VersioningBehavior.AUTO_UPGRADE
SOON = timedelta(seconds=20)

LONGER_THAN_IT_STAYS = 1.5
"""Seconds after which an invocation that has nothing else to do has left."""


@activity.defn
async def tidy() -> str:
    return "tidied up"


@activity.defn
async def ask_somebody() -> str:
    """Is completed from outside."""
    activity.raise_complete_async()


@activity.defn
async def work_until_cancelled() -> str:
    try:
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return "cancelled by its workflow"


@activity.defn
async def fail_once(pause: float) -> int:
    attempt = activity.info().attempt
    if attempt == 1:
        raise ApplicationError("not yet", next_retry_delay=timedelta(seconds=pause))
    return attempt


@activity.defn
async def ask_the_server() -> str:
    info = activity.info()
    assert info.workflow_id
    described = await activity.client().get_workflow_handle(info.workflow_id).describe()
    return str(described.workflow_type)


@activity.defn(dynamic=True)
async def any_activity(args: Sequence[RawValue]) -> str:
    return f"activity {activity.info().activity_type}"


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class Box:
    """Keeps what it is given by whatever means, until it is closed."""

    def __init__(self) -> None:
        self._items: list[str] = []
        self._closed = False

    @workflow.signal
    def put(self, item: str) -> None:
        self._items.append(item)

    @workflow.signal
    def close(self) -> None:
        self._closed = True

    @workflow.update
    async def put_and_count(self, item: str) -> int:
        self._items.append(item)
        return len(self._items)

    @put_and_count.validator
    def check(self, item: str) -> None:
        if not item:
            raise ValueError("nothing to put")

    @workflow.query
    def items(self) -> list[str]:
        return self._items

    @workflow.run
    async def run(self) -> list[str]:
        print("EVENT replays" if workflow.unsafe.is_replaying() else "EVENT begins")
        workflow.upsert_memo({"state": "open"})
        await workflow.wait_condition(lambda: self._closed)
        return self._items


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class PutsIntoAnother:
    @workflow.run
    async def run(self, box: str, item: str) -> None:
        await workflow.get_external_workflow_handle(box).signal("put", item)


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class Sleeps:
    @workflow.run
    async def run(self, seconds: float) -> str:
        await workflow.sleep(seconds)
        return "slept"


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class HasAChild:
    @workflow.run
    async def run(self) -> str:
        name = f"{workflow.info().workflow_id}-child"
        slept: str = await workflow.execute_child_workflow(
            "Sleeps", LONGER_THAN_IT_STAYS, id=name, result_type=str
        )
        return f"child {slept}"


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class ContinuesAsNew:
    @workflow.run
    async def run(self, left: int) -> str:
        await workflow.sleep(1)
        if left:
            workflow.continue_as_new(left - 1)
        return workflow.info().run_id


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class TidiesUp:
    @workflow.run
    async def run(self) -> None:
        try:
            await workflow.sleep(timedelta(days=30))
        finally:
            await workflow.execute_activity(tidy, start_to_close_timeout=SOON)


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class AsksSomebody:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            ask_somebody, activity_id="question", start_to_close_timeout=timedelta(minutes=5)
        )


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class CancelsItsActivity:
    @workflow.run
    async def run(self) -> str:
        work = workflow.start_activity(
            work_until_cancelled,
            start_to_close_timeout=SOON,
            heartbeat_timeout=timedelta(seconds=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        await workflow.sleep(0.3)
        work.cancel()
        return await work


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class Retries:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            fail_once,
            LONGER_THAN_IT_STAYS,
            start_to_close_timeout=SOON,
            retry_policy=RetryPolicy(maximum_attempts=2),
        )


@workflow.defn(versioning_behavior=AUTO_UPGRADE)
class AsksTheServer:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(ask_the_server, start_to_close_timeout=SOON)


@workflow.defn(dynamic=True, versioning_behavior=AUTO_UPGRADE)
class AnyWorkflow:
    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> str:
        told: Any = await workflow.execute_activity("Unheard", start_to_close_timeout=SOON)
        return f"workflow {workflow.info().workflow_type}, {told}"


def configure(config: LambdaWorkerConfig) -> None:
    register(config)
    config.worker_config["workflows"] = [
        *(Box, PutsIntoAnother, Sleeps, HasAChild, ContinuesAsNew, TidiesUp),
        *(AsksSomebody, AsksTheServer, CancelsItsActivity, Retries, AnyWorkflow),
    ]
    config.worker_config["activities"] = [
        *(tidy, ask_somebody, ask_the_server, work_until_cancelled, fail_once, any_activity),
    ]


lambda_handler = run_worker(VERSION, configure)
