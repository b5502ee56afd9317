"""A worker knows which unfinished workflows are in its cache, inside of whichever sandbox."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.config_factory import WORKFLOW_RUNNER
from temporal_lambda.tracking.workflows import UnfinishedWorkflows
from tests.support.waiting import until


@workflow.defn(sandboxed=True)
class WaitsForAWord:
    def __init__(self) -> None:
        self._word = ""

    @workflow.signal
    def say(self, word: str) -> None:
        self._word = word

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: bool(self._word))
        if self._word == "bad":
            raise ValueError(self._word)
        return self._word


@pytest.fixture
def cached() -> UnfinishedWorkflows:
    return UnfinishedWorkflows()


@asynccontextmanager
async def waiting(
    stack: LocalStack, cached: UnfinishedWorkflows, runner: WorkflowRunner = WORKFLOW_RUNNER
) -> AsyncIterator[WorkflowHandle[WaitsForAWord, str]]:
    """A workflow that waits, in a worker with a cache for one."""
    queue = f"cached-{uuid.uuid4().hex[:8]}"
    async with Worker(
        stack.client,
        task_queue=queue,
        workflows=[WaitsForAWord],
        interceptors=[cached],
        workflow_runner=runner,
        max_cached_workflows=1,
        max_concurrent_workflow_tasks=2,
        workflow_failure_exception_types=[ValueError],
        graceful_shutdown_timeout=timedelta(0),
    ):
        yield await stack.client.start_workflow(WaitsForAWord.run, id=queue, task_queue=queue)


@pytest.mark.parametrize(
    "runner",
    [WORKFLOW_RUNNER, SandboxedWorkflowRunner(), UnsandboxedWorkflowRunner()],
    ids=["own", "of the SDK", "none"],
)
@pytest.mark.parametrize("word", ["good", "bad"])
async def test_workflow_is_unfinished_until_it_completes_or_fails(
    runner: WorkflowRunner, word: str, stack: LocalStack, cached: UnfinishedWorkflows
) -> None:
    assert not cached.unfinished
    async with waiting(stack, cached, runner) as handle:
        await until(lambda: cached.unfinished)
        await handle.signal(WaitsForAWord.say, word)
        await until(lambda: not cached.unfinished)


async def test_workflow_that_had_to_leave_the_cache_is_not_expected_here(
    stack: LocalStack, cached: UnfinishedWorkflows
) -> None:
    async with waiting(stack, cached) as first:
        await until(lambda: cached.unfinished)
        second = await stack.client.start_workflow(
            WaitsForAWord.run, id=f"{first.id}-2", task_queue=first.id
        )
        await second.signal(WaitsForAWord.say, "good")
        await second.result()
        await until(lambda: not cached.unfinished)
