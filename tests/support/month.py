"""A workflow that sleeps for 30 days. Alone, since a workflow's sandbox imports its module."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Month:
    """Says how many days it has slept."""

    @workflow.run
    async def run(self) -> int:
        begun = workflow.now()
        await workflow.sleep(timedelta(days=30))
        return (workflow.now() - begun).days
