"""What Temporal's features do where the worker is a function at rest: docs/features.md."""

from __future__ import annotations

import asyncio
import runpy
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import CancelledError

from temporal_lambda.local import Function, LocalStack
from tests.support.lambdas import FUNCTIONS, Deploy, MakeFunction, deploy_at_rest, events
from tests.support.served import Handle, Served
from tests.support.waiting import PATIENCE, until

BRIEF = {"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "300ms"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(stack: LocalStack) -> AsyncIterator[Served]:
    """One function for all of them; each begins when it is at rest."""
    name = f"features-{uuid.uuid4().hex[:6]}"
    function = Function(
        name,
        "features.lambda_handler",
        FUNCTIONS,
        timeout=timedelta(seconds=20),
        environment={"DEPLOYMENT": name, "QUEUE": name, **BRIEF},
    )
    yield Served(stack, await deploy_at_rest(stack, function))


async def result(handle: Handle) -> Any:
    return await asyncio.wait_for(handle.result(), PATIENCE)


async def close(box: Handle) -> list[str]:
    await box.signal("close")
    items: list[str] = await result(box)
    return items


async def test_signal_invokes_and_history_is_replayed(served: Served) -> None:
    box = await served.waiting("Box")
    items, records = await served.worked_for(lambda: put_and_close(box, "letter"))
    assert items == ["letter"]
    # The worker that had it in its cache has ended: the next one begins from the history.
    assert "replays" in events(records[0])


async def put_and_close(box: Handle, item: str) -> list[str]:
    await box.signal("put", item)
    return await close(box)


async def test_signal_with_start_invokes_once_for_both(served: Served) -> None:
    box = await served.waiting("Box", start_signal="put", start_signal_args=["letter"])
    assert await box.query("items") == ["letter"]
    assert await close(box) == ["letter"]


async def test_signal_of_another_workflow_invokes(served: Served) -> None:
    box = await served.waiting("Box")
    await result(await served.start("PutsIntoAnother", box.id, "parcel"))
    assert await close(box) == ["parcel"]


async def test_update_invokes_and_returns_or_is_rejected(served: Served) -> None:
    box = await served.waiting("Box")
    count, _ = await served.worked_for(lambda: box.execute_update("put_and_count", "letter"))
    assert count == 1
    with pytest.raises(WorkflowUpdateFailedError) as rejected:
        await asyncio.wait_for(box.execute_update("put_and_count", ""), PATIENCE)
    assert "nothing to put" in str(rejected.value.cause)
    assert await close(box) == ["letter"]


async def test_update_with_start_invokes(served: Served) -> None:
    box = WithStartWorkflowOperation[Any, Any](
        "Box",
        id=f"Box-{uuid.uuid4().hex[:8]}",
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        task_queue=served.deployed.task_queue,
    )
    client = served.stack.client
    count, _ = await served.worked_for(
        lambda: client.execute_update_with_start_workflow(
            "put_and_count", "letter", start_workflow_operation=box
        )
    )
    assert count == 1
    assert await close(await box.workflow_handle()) == ["letter"]


async def test_query_invokes(served: Served) -> None:
    box = await served.waiting("Box")
    items, records = await served.worked_for(lambda: box.query("items"))
    assert items == []
    assert [record.status for record in records] == ["success"]
    await box.terminate()


async def test_describe_memo_and_terminate_invoke_nobody(served: Served) -> None:
    box = await served.waiting("Box")
    before = served.invocations
    assert await (await box.describe()).memo() == {"state": "open"}
    await box.terminate()
    with pytest.raises(WorkflowFailureError):
        await result(box)
    with pytest.raises(asyncio.TimeoutError):
        await until(lambda: served.invocations > before, seconds=1)


async def test_child_that_takes_longer_than_its_parents_invocation(served: Served) -> None:
    slept, records = await served.worked_for(lambda: start_and_wait(served, "HasAChild"))
    assert slept == "child slept"
    assert len(records) >= 2


async def start_and_wait(served: Served, workflow: str, *arguments: Any, **options: Any) -> Any:
    return await result(await served.start(workflow, *arguments, **options))


async def test_workflow_that_continues_as_new_every_second_goes_on(served: Served) -> None:
    handle = await served.start("ContinuesAsNew", 2)
    assert await result(handle) != handle.first_execution_run_id


async def test_timer_that_outlives_the_invocation(served: Served) -> None:
    _, records = await served.worked_for(lambda: start_and_wait(served, "Sleeps", 2.0))
    assert len(records) == 2


async def test_delayed_start_invokes_when_it_is_due(served: Served) -> None:
    delay = timedelta(seconds=1)
    slept, records = await served.worked_for(
        lambda: start_and_wait(served, "Sleeps", 0.0, start_delay=delay)
    )
    assert slept == "slept"
    assert len(records) == 1


async def test_schedule_invokes(served: Served) -> None:
    name = f"schedule-{uuid.uuid4().hex[:8]}"
    action = ScheduleActionStartWorkflow(
        "Sleeps", 0.0, id=name, task_queue=served.deployed.task_queue
    )
    schedule = await served.stack.client.create_schedule(
        name, Schedule(action=action, spec=ScheduleSpec()), trigger_immediately=True
    )

    async def started() -> str:
        while not (recent := (await schedule.describe()).info.recent_actions):
            await asyncio.sleep(0.05)
        execution: Any = recent[0].action
        return str(execution.workflow_id)

    workflow_id = await asyncio.wait_for(started(), PATIENCE)
    assert await result(served.stack.client.get_workflow_handle(workflow_id)) == "slept"
    await schedule.delete()


async def test_cron_invokes_for_each_run(served: Served) -> None:
    handle = await served.start("Sleeps", 0.0, cron_schedule="@every 2s")
    first = handle.first_execution_run_id

    async def second() -> None:
        while (await handle.describe()).run_id == first:
            await asyncio.sleep(0.05)

    await asyncio.wait_for(second(), PATIENCE)
    await served.stack.client.get_workflow_handle(handle.id).terminate()
    await served.at_rest()


async def test_cancellation_invokes_and_the_workflow_tidies_up(served: Served) -> None:
    handle = await served.waiting("TidiesUp")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as ended:
        await result(handle)
    assert isinstance(ended.value.cause, CancelledError)
    history = await handle.fetch_history()
    assert any(e.HasField("activity_task_completed_event_attributes") for e in history.events)


async def test_cancellation_of_an_activity_comes_with_its_heartbeat(served: Served) -> None:
    assert await start_and_wait(served, "CancelsItsActivity") == "cancelled by its workflow"


async def test_retry_after_the_invocation_has_left(served: Served) -> None:
    attempt, records = await served.worked_for(lambda: start_and_wait(served, "Retries"))
    assert attempt == 2
    assert [record.report["tasks"]["activity"] for record in records if record.report] == [1, 1]


async def test_activity_that_is_completed_from_outside(served: Served) -> None:
    handle = await served.waiting("AsksSomebody")
    question = served.stack.client.get_async_activity_handle(
        workflow_id=handle.id, run_id=None, activity_id="question"
    )
    await question.complete("an answer")
    assert await result(handle) == "an answer"


async def test_activity_asks_the_server_over_the_workers_connection(served: Served) -> None:
    assert await start_and_wait(served, "AsksTheServer") == "AsksTheServer"


async def test_reset_replays_and_goes_on(served: Served) -> None:
    box = await served.waiting("Box")
    await served.worked_for(lambda: box.signal("put", "letter"))
    history = await box.fetch_history()
    (first, *_) = (
        event.event_id
        for event in history.events
        if event.HasField("workflow_task_completed_event_attributes")
    )
    request = ResetWorkflowExecutionRequest(
        namespace=served.stack.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=box.id),
        reason="shown in docs/features.md",
        workflow_task_finish_event_id=first,
        request_id=uuid.uuid4().hex,
    )
    again = await served.stack.client.workflow_service.reset_workflow_execution(request)
    assert again.run_id != box.first_execution_run_id
    assert await close(served.stack.client.get_workflow_handle(box.id)) == ["letter"]


async def test_dynamic_workflow_and_activity(served: Served) -> None:
    assert await start_and_wait(served, "Unknown") == "workflow Unknown, activity Unheard"


async def test_codec_and_interceptor(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("encrypted.lambda_handler", env=BRIEF))
    converter = converter_of_the_function()
    client = Client(**{**stack.client.config(), "data_converter": converter})
    encoding = Served(stack, deployed)
    handle = await client.start_workflow(
        "Whispers", "the password", id=uuid.uuid4().hex, task_queue=deployed.task_queue
    )
    assert await result(handle) == "psst: the password"
    record = await stack.record_of(handle)
    await encoding.at_rest()
    assert record.status == "success"
    told = [line for record in encoding.worked(0) for line in events(record)]
    assert told == ["watched whisper of the password"]
    kept = b"".join(event.SerializeToString() for event in (await handle.fetch_history()).events)
    assert b"password" not in kept
    assert b"drowssap" in kept


def converter_of_the_function() -> Any:
    return runpy.run_path(str(FUNCTIONS / "turned.py"))["CONVERTER"]
