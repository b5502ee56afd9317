"""What becomes of running workflows when another build is deployed: docs/versioning.md."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import Function, LocalStack
from temporal_lambda.worker_deployment import set_current, wait_until_routed
from tests.support.lambdas import FUNCTIONS, deploy_at_rest
from tests.support.served import Handle, Served
from tests.support.waiting import PATIENCE, until


class Builds:
    """One function, of which each build is a published version."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.name = f"builds-{uuid.uuid4().hex[:6]}"
        self.begun: dict[str, Handle] = {}

    async def deploy(self, build: str, change: str | None = None) -> Served:
        """Publish a build and make it the current one."""
        function = Function(
            self.name,
            "builds.lambda_handler",
            FUNCTIONS,
            timeout=timedelta(seconds=20),
            version=build,
            environment={
                "DEPLOYMENT": self.name,
                "QUEUE": self.name,
                "BUILD": build,
                "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "300ms",
                **({"CHANGE": change} if change else {}),
            },
        )
        return Served(self.stack, await deploy_at_rest(self.stack, function))

    async def roll_back(self, build: str) -> None:
        """Make an earlier build the current one again."""
        await set_current(self.stack.client, WorkerDeploymentVersion(self.name, build))
        await wait_until_routed(self.stack.client, self.name)

    async def new(self, workflow: str) -> Any:
        """The result of a workflow that begins now."""
        handle = await self.stack.client.start_workflow(
            workflow, id=f"{workflow}-{uuid.uuid4().hex[:8]}", task_queue=self.name
        )
        return await go_on(handle)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def builds(stack: LocalStack) -> Builds:
    """Build 2 is current, and guards its change; some workflows have begun on build 1."""
    builds = Builds(stack)
    first = await builds.deploy("1")
    names = ("Pinned", "PinnedChain", "Upgrades", "Upgrades too")
    handles = await begin(first, *(name.partition(" ")[0] for name in names))
    builds.begun = dict(zip(names, handles, strict=True))
    await builds.deploy("2", "guarded")
    return builds


async def begin(build: Served, *workflows: str) -> list[Handle]:
    """Start workflows, and wait until they wait and the function rests."""
    handles = [await build.start(workflow) for workflow in workflows]
    for handle in handles:
        await has_begun(handle)
    await build.at_rest()
    return handles


async def has_begun(handle: Handle) -> None:
    """Wait until a workflow waits for its word: no task and no activity of it is open."""

    async def wait() -> None:
        while True:
            raw = (await handle.describe()).raw_description
            if raw.workflow_execution_info.history_length > 3 and not (
                raw.pending_activities or raw.HasField("pending_workflow_task")
            ):
                return
            await asyncio.sleep(0.05)

    await asyncio.wait_for(wait(), PATIENCE)


async def go_on(handle: Handle) -> Any:
    await handle.signal("go_on")
    return await asyncio.wait_for(handle.result(), PATIENCE)


async def test_pinned_workflow_ends_on_its_build_and_new_ones_begin_on_the_current(
    builds: Builds,
) -> None:
    assert await go_on(builds.begun["Pinned"]) == "shipped by build 1"
    assert await builds.new("Pinned") == "shipped by build 2"


async def test_pinned_workflow_that_continues_as_new_stays_on_its_build(builds: Builds) -> None:
    assert await go_on(builds.begun["PinnedChain"]) == "shipped by build 1"


async def test_upgrading_workflow_goes_on_with_the_current_build_and_its_old_steps(
    builds: Builds,
) -> None:
    assert await go_on(builds.begun["Upgrades"]) == ["weighed by build 1", "shipped by build 2"]


async def test_guarded_change_is_for_new_workflows(builds: Builds) -> None:
    assert await builds.new("Upgrades") == ["measured by build 2", "shipped by build 2"]


async def test_unguarded_change_stops_a_running_workflow_until_a_build_fits(
    builds: Builds,
) -> None:
    running = builds.begun["Upgrades too"]
    await builds.deploy("3", "unguarded")
    await running.signal("go_on")
    assert "Nondeterminism" in await first_failure(running)
    await builds.roll_back("2")
    result = await asyncio.wait_for(running.result(), PATIENCE)
    assert result == ["weighed by build 1", "shipped by build 2"]


async def test_rollback_brings_upgrading_workflows_back_and_leaves_pinned_ones(
    stack: LocalStack,
) -> None:
    builds = Builds(stack)
    await builds.deploy("1")
    newer = await builds.deploy("2")
    pinned, upgrades = await begin(newer, "Pinned", "Upgrades")
    await builds.roll_back("1")
    assert await go_on(pinned) == "shipped by build 2"
    assert await go_on(upgrades) == ["weighed by build 2", "shipped by build 1"]
    assert await builds.new("Pinned") == "shipped by build 1"


# The controller looks for work that waits once a minute.
@pytest.mark.timeout(300)
async def test_workflows_pinned_to_a_build_need_its_function_and_others_do_not(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = Builds(stack)
    older = await builds.deploy("1")
    pinned, upgrades = await begin(older, "Pinned", "Upgrades")
    await builds.deploy("2")
    with monkeypatch.context() as patch:
        in_vain = remove(stack, f"{builds.name}:1", patch)
        assert await go_on(upgrades) == ["weighed by build 1", "shipped by build 2"]
        assert in_vain == []
        await pinned.signal("go_on")
        await until(lambda: len(in_vain) > 0)
        status = (await pinned.describe()).status
        assert status is WorkflowExecutionStatus.RUNNING
    assert await asyncio.wait_for(pinned.result(), 150) == "shipped by build 1"


def remove(stack: LocalStack, name: str, patch: pytest.MonkeyPatch) -> list[str]:
    """Take a published version away from whoever asks the Lambda service for it.

    The local Lambda deletes none, so this one is hidden: its API answers what AWS's does for a
    function that is not there.

    Returns:
        Its name, once for each time that it was asked for in vain.
    """
    find = stack.service.find
    asked: list[str] = []

    def hide(wanted: str) -> Function | None:
        if wanted != name:
            return find(wanted)
        asked.append(wanted)
        return None

    patch.setattr(stack.service, "find", hide)
    return asked


async def first_failure(handle: Handle) -> str:
    """What the first workflow task that failed has failed with."""

    async def find() -> str:
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.HasField("workflow_task_failed_event_attributes"):
                return event.workflow_task_failed_event_attributes.failure.message
        raise AssertionError("the workflow has ended")

    return await asyncio.wait_for(find(), PATIENCE)
