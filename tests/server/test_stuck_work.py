"""Activities that will not stop, and what becomes of the invocation around them."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.fault_scenario import PROMISED_MS
from tests.support.lambdas import Deploy, MakeFunction, events
from tests.support.processes import alive

KEEP = {"TEMPORAL_LAMBDA_RECYCLE_ENVIRONMENT": "never"}


async def run_stuck(
    stack: LocalStack, deployed: Deployed, activity: str, seconds: float = 14.0
) -> tuple[WorkflowHandle[Any, Any], InvocationRecord]:
    """Start a workflow with a stuck activity; the invocation that abandoned something."""
    handle = await stack.client.start_workflow(
        "RunActivity",
        args=[activity, seconds, 60.0],
        id=f"{activity}-{uuid.uuid4().hex[:6]}",
        task_queue=deployed.task_queue,
    )

    def stuck(record: InvocationRecord) -> bool:
        return record.function == deployed.function.name and bool(
            record.report and record.report["abandoned"]
        )

    record = await stack.service.wait_for_record(stuck, timeout=30)
    await handle.terminate()
    return handle, record


def named(handle: WorkflowHandle[Any, Any], activity: str) -> dict[str, Any]:
    return {"activity": activity, "workflow_id": handle.id, "attempt": 1}


async def test_sync_activity_that_sleeps_through_the_drain_with_a_12_s_deadline(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    function = make_function(
        "lifecycle.lambda_handler",
        seconds=12,
        env={"TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "5s"},
    )
    handle, record = await run_stuck(stack, await deploy(function), "sleep_in_thread")
    assert record.status == "success"
    assert record.duration_ms < 12_000 - PROMISED_MS
    assert events(record)[-4:] == ["drained", "hook", "released", "teardown"]
    assert record.report
    assert record.report["stop_reason"] == "deadline"
    assert record.report["abandoned"] == [named(handle, "sleep_in_thread")]
    line = next(line for line in record.log if "the worker did not stop in time" in line)
    assert f"activity sleep_in_thread (workflow {handle.id}, attempt 1)" in line


@pytest.mark.parametrize("activity", ["sleep_in_thread", "swallow_cancellation"])
async def test_environment_is_not_poisoned_by_an_abandoned_activity(
    activity: str, stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    # One environment: the activity's retry may be due while the hooks of its invocation still run.
    deployed = await deploy(make_function("lifecycle.lambda_handler", seconds=5, concurrency=1))
    handle, record = await run_stuck(stack, deployed, activity)
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert record.report
    assert record.report["abandoned"] == [named(handle, activity)]

    result = await stack.client.execute_workflow(
        "RunActivity",
        args=["greet", "you", 10.0],
        id=f"{activity}-{uuid.uuid4().hex[:6]}",
        task_queue=deployed.task_queue,
    )
    assert result == "Hello, you!"
    following = await stack.service.wait_for_record(
        lambda later: later.function == record.function and later.number > record.number, 30
    )
    assert following.pid == record.pid
    assert following.report
    assert following.report["connection"] == "new"


async def test_activity_that_blocks_the_event_loop_costs_neither_hooks_nor_deadline(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("lifecycle.lambda_handler", seconds=5, env=KEEP))
    handle, record = await run_stuck(stack, deployed, "sleep_in_loop")
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert events(record)[-3:] == ["hook", "released", "teardown"]
    assert record.error
    assert record.error.startswith("EventLoopBlockedError: the event loop is blocked at ")
    assert "workflows.py" in record.error
    assert record.report
    assert record.report["abandoned"][0] == named(handle, "sleep_in_loop")
    assert "in sleep_in_loop" in record.report["abandoned"][1]["event loop"]


async def test_process_whose_loop_is_blocked_is_ended_and_its_error_logged(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("lifecycle.lambda_handler", seconds=5, retries=0))
    _, record = await run_stuck(stack, deployed, "sleep_in_loop")
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert (record.status, record.error) == (
        "crash",
        f"Runtime.ExitError: RequestId: {record.request_id} Error: Runtime exited with error: exit "
        "status 1",
    )
    assert events(record)[-3:] == ["hook", "released", "teardown"]
    assert any("EventLoopBlockedError: the event loop is blocked at" in line for line in record.log)


async def test_environment_is_recycled_after_any_abandoned_work_if_so_set(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    env = {"TEMPORAL_LAMBDA_RECYCLE_ENVIRONMENT": "abandoned"}
    deployed = await deploy(
        make_function("lifecycle.lambda_handler", seconds=5, env=env, retries=0)
    )
    _, record = await run_stuck(stack, deployed, "sleep_in_thread")
    assert record.status == "crash"
    assert record.report
    assert record.report["recycled"] is True
    later, _ = await stack.service.invoke(deployed.function, b"{}")
    assert later.status == "success"
    # The retry of the activity may have had the controller begin the new environment already.
    served = [r for r in stack.service.records if r.function == deployed.function.name]
    after = [r for r in served if r.number > record.number]
    assert any(r.cold for r in after)
    assert record.pid not in {r.pid for r in after}


async def test_abandoned_activity_is_handed_back_with_its_latest_heartbeat(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("lifecycle.lambda_handler", seconds=5))
    details = await stack.client.execute_workflow(
        "RunActivity",
        args=["hang_after_heartbeats", 14.0, 60.0],
        id=f"heartbeats-{uuid.uuid4().hex[:6]}",
        task_queue=deployed.task_queue,
    )
    assert details == [5]


async def test_converter_that_blocks_when_activities_are_handed_back_costs_no_hook(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    env = {"SCENARIO": "blocking_converter"}
    deployed = await deploy(make_function("lifecycle.lambda_handler", seconds=5, env=env))
    _, record = await run_stuck(stack, deployed, "sleep_in_thread")
    assert record.status == "success"
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert events(record)[-3:] == ["hook", "released", "teardown"]
    assert record.report
    assert record.report["abandoned"][1:] == [{"hand-back": "abandoned activities"}]


async def test_worker_of_a_blocked_loop_is_shut_down_when_the_loop_comes_back(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    lines: list[str] = []
    deployed = await deploy(make_function("lifecycle.lambda_handler", seconds=5, env=KEEP))
    stack.service.on_line = lambda request_id, line: lines.append(line)
    comes_back = time.monotonic() + 8
    _, record = await run_stuck(stack, deployed, "sleep_in_loop", seconds=8.0)
    # Later invocations keep the environment awake until then, and a while longer.
    while time.monotonic() < comes_back + 1:
        later, _ = await stack.service.invoke(deployed.function, b"{}")
        assert later.pid == record.pid
    # Tasks arrive again; a worker that had lost its loop would ask it for slots without end.
    for _ in range(3):
        await stack.client.execute_workflow(
            "RunActivity",
            args=["greet", "you", 10.0],
            id=f"after-{uuid.uuid4().hex[:6]}",
            task_queue=deployed.task_queue,
        )
    stack.service.on_line = lambda request_id, line: None
    assert not [line for line in lines if "slot supplier" in line]
    assert any("temporal_lambda invocation" in line for line in lines)


async def test_process_of_a_managed_instance_is_not_ended_and_its_report_says_what_stays(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    function = make_function(
        "lifecycle.lambda_handler",
        seconds=5,
        max_concurrency=2,
        env={"TEMPORAL_LAMBDA_RECYCLE_ENVIRONMENT": "abandoned"},
    )
    handle, record = await run_stuck(stack, await deploy(function), "sleep_in_thread")
    assert record.status == "success"
    assert record.report
    assert record.report["abandoned"] == [named(handle, "sleep_in_thread")]
    assert record.report["recycled"] is False
    assert any("no process is begun in place" in line for line in record.log)
    assert alive(record.pid)
