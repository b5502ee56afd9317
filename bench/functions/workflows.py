"""What the benchmarks run: workflows of one activity."""

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
