"""A function of which there are several builds, and workflows that outlive one.

``BUILD`` is the build. ``CHANGE`` says how the code that upgrades differs from that of the first
build, which weighs: ``guarded``, it measures if no history says otherwise; ``unguarded``, it does
so in any case. Either changes the code that is pinned, too, without any guard.
"""

from __future__ import annotations

import os
from datetime import timedelta

from common import VERSION, register
from temporalio import activity, workflow
from temporalio.common import VersioningBehavior

from temporal_lambda import LambdaWorkerConfig, run_worker

CHANGE = os.environ.get("CHANGE")


@activity.defn
async def weigh() -> str:
    return f"weighed by build {VERSION.build_id}"


@activity.defn
async def measure() -> str:
    return f"measured by build {VERSION.build_id}"


@activity.defn
async def ship() -> str:
    return f"shipped by build {VERSION.build_id}"


class Waits:
    """Waits for a word between two steps."""

    def __init__(self) -> None:
        self._told = False

    @workflow.signal
    def go_on(self) -> None:
        self._told = True

    async def wait(self) -> None:
        await workflow.wait_condition(lambda: self._told)

    async def step(self, activity: str) -> str:
        done: str = await workflow.execute_activity(
            activity, start_to_close_timeout=timedelta(seconds=10), result_type=str
        )
        return done


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Pinned(Waits):
    @workflow.run
    async def run(self) -> str:
        if CHANGE:
            await self.step("measure")
        await self.wait()
        return await self.step("ship")


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class PinnedChain(Waits):
    """Goes on as a new run when it is told to."""

    @workflow.run
    async def run(self) -> str:
        if not workflow.info().continued_run_id:
            await self.wait()
            workflow.continue_as_new()
        return await self.step("ship")


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Upgrades(Waits):
    @workflow.run
    async def run(self) -> list[str]:
        first = await self.step("measure" if measures() else "weigh")
        await self.wait()
        return [first, await self.step("ship")]


def measures() -> bool:
    return CHANGE == "unguarded" or (CHANGE == "guarded" and workflow.patched("measures"))


def configure(config: LambdaWorkerConfig) -> None:
    register(config)
    config.worker_config["workflows"] = [Pinned, PinnedChain, Upgrades]
    config.worker_config["activities"] = [weigh, measure, ship]


lambda_handler = run_worker(VERSION, configure)
