"""What the benchmarks run: workflows of one activity."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import VersioningBehavior


@activity.defn
async def quick(seconds: float) -> None:
    await asyncio.sleep(seconds)


@activity.defn
async def hold(seconds: float) -> int:
    """Runs for a while; says which attempt it was."""
    await asyncio.sleep(seconds)
    return activity.info().attempt


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class OneActivity:
    @workflow.run
    async def run(self, name: str, seconds: float, timeout: float) -> object:
        return await workflow.execute_activity(
            name, seconds, start_to_close_timeout=timedelta(seconds=timeout)
        )
