"""The real loop: the server's worker controller invokes the function whenever there is work."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.lambdas import Deploy, MakeFunction, rest

HANDLER = "lifecycle.lambda_handler"
SHORT_SHUTDOWN = {
    "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "500ms",
    "TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "1s",
}


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def records_of(stack: LocalStack, deployed: Deployed) -> list[InvocationRecord]:
    """Finished invocations of a function, oldest first."""
    return [r for r in stack.service.records if r.function == deployed.function.name]


async def run_activity(
    stack: LocalStack, deployed: Deployed, *arguments: Any, workflow_id: str | None = None
) -> Any:
    return await stack.client.execute_workflow(
        "RunActivity",
        args=list(arguments),
        id=workflow_id or unique("run"),
        task_queue=deployed.task_queue,
    )


async def test_workflow_runs_in_an_event_invocation_of_a_runtime_process(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function(HANDLER))
    assert await run_activity(stack, deployed, "greet", "World", 10.0) == "Hello, World!"
    record = await stack.service.wait_for_record(
        lambda r: r.function == deployed.function.name and bool(r.report and r.report["busy_ms"]),
        20,
    )
    assert record.invocation_type == "Event"
    assert record.status == "success"
    await rest(stack, deployed)
    tasks = [r.report["tasks"] for r in records_of(stack, deployed) if r.report]
    assert sum(of_kind["activity"] for of_kind in tasks) == 1
    assert sum(of_kind["workflow"] for of_kind in tasks) >= 2
    assert stack.service.workers[deployed.function.name]["task_queue"] == deployed.task_queue


@pytest.mark.parametrize("activity", ["time_left_in_loop", "time_left_in_thread"])
async def test_activity_knows_how_long_its_invocation_will_still_work(
    activity: str, stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function(HANDLER, seconds=10))
    left = await run_activity(stack, deployed, activity, None, 10.0)
    # 10 s, less 3 s of buffer and 1 s of soft close.
    assert 4 < left < 6


async def test_every_task_carries_the_identity_of_its_own_invocation(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function(HANDLER))
    identities: list[set[str]] = []
    for number in range(2):
        await rest(stack, deployed)
        workflow_id = unique(f"identity-{number}")
        await run_activity(stack, deployed, "greet", "you", 10.0, workflow_id=workflow_id)
        history = await stack.client.get_workflow_handle(workflow_id).fetch_history()
        identities.append(
            {
                event.activity_task_started_event_attributes.identity
                or event.workflow_task_completed_event_attributes.identity
                for event in history.events
            }
            - {""}
        )
    await rest(stack, deployed)
    ids = [f"{record.request_id}@{deployed.function.arn}" for record in records_of(stack, deployed)]
    assert [len(found) for found in identities] == [1, 1]
    assert identities[0] != identities[1]
    assert set.union(*identities) <= set(ids)


async def test_two_workflow_slots_are_enough(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    env = {"TEMPORAL_LAMBDA_MAX_CONCURRENT_WORKFLOW_TASKS": "2"}
    deployed = await deploy(make_function(HANDLER, env=env, concurrency=1))
    runs = [run_activity(stack, deployed, "greet", "you", 10.0) for _ in range(5)]
    # Without a fair share, one of them would wait 10 s for its sticky queue to be polled.
    await asyncio.wait_for(asyncio.gather(*runs), 8)


async def test_workflow_outlives_many_invocations_of_a_function(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function(HANDLER, seconds=3, env=SHORT_SHUTDOWN, concurrency=1))
    result = await stack.client.execute_workflow(
        # Each nap is longer than the function's timeout of 3 s.
        "Naps",
        args=[3, 3.2],
        id=unique("naps"),
        task_queue=deployed.task_queue,
    )
    assert result == 3
    await rest(stack, deployed)
    worked = [r for r in records_of(stack, deployed) if r.report and r.report["busy_ms"]]
    assert len(worked) >= 3
    assert {record.status for record in worked} == {"success"}
    # Frozen for seconds in between, it is still the same warm process.
    assert len({record.pid for record in worked}) == 1
    assert [record.cold for record in worked[1:]] == [False] * (len(worked) - 1)


async def test_twenty_workflows_at_once_scale_out_to_several_environments(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function(HANDLER, seconds=20, concurrency=4))
    pids = await asyncio.gather(
        *(run_activity(stack, deployed, "hold", 1.0, 60.0) for _ in range(20))
    )
    assert len(pids) == 20
    assert 2 <= len(set(pids)) <= 4
    await rest(stack, deployed)
    assert all(record.status == "success" for record in records_of(stack, deployed))


async def test_two_stacks_side_by_side_do_not_meet(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    function = make_function(HANDLER)
    async with LocalStack() as other:
        deployed = await other.deploy(function)
        assert await run_activity(other, deployed, "greet", "there", 10.0) == "Hello, there!"
        assert other.temporal_address != stack.temporal_address
    assert stack.service.find(function.name) is None
