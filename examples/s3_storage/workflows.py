"""A workflow whose intermediate result is too large to travel inline."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import VersioningBehavior


@activity.defn
async def collect(size: int) -> str:
    """A document of ``size`` characters."""
    return "x" * size


@activity.defn
async def measure(document: str) -> int:
    return len(document)


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Digest:
    """Collects a document, pauses, and measures it: the pause outlives the invocation."""

    @workflow.run
    async def run(self, size: int, pause_seconds: float) -> int:
        timeout = timedelta(seconds=10)
        document = await workflow.execute_activity(collect, size, start_to_close_timeout=timeout)
        await workflow.sleep(pause_seconds)
        return await workflow.execute_activity(measure, document, start_to_close_timeout=timeout)
