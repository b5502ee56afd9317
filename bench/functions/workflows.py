"""What the benchmarks run."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class OneActivity:
    @workflow.run
    async def run(self, name: str, seconds: float, timeout: float) -> object:
        return await workflow.execute_activity(
            name,
            seconds,
            start_to_close_timeout=timedelta(seconds=timeout),
            # Temporal's default pause of 1 s, but the same after every attempt.
            retry_policy=RetryPolicy(backoff_coefficient=1.0),
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class FailsOnce:
    """Its activity fails once, so that it waits for Temporal's default pause of 1 s."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity("fail_once", start_to_close_timeout=timedelta(seconds=20))


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Sleeps:
    @workflow.run
    async def run(self, seconds: float) -> None:
        await workflow.sleep(seconds)


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class StepSleepStep:
    @workflow.run
    async def run(self, work: float, seconds: float) -> None:
        for pause in (seconds, 0.0):
            await workflow.execute_activity(
                "pause", work, start_to_close_timeout=timedelta(seconds=20)
            )
            if pause:
                await workflow.sleep(pause)


WORKFLOWS: dict[str, type] = {
    made.__name__: made for made in (OneActivity, FailsOnce, Sleeps, StepSleepStep)
}
