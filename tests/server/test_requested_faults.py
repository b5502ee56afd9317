"""The faults that a user's test can ask for, each observed in a workflow or an invocation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from temporal_lambda.local import Function, LocalStack, LocalStackError
from temporal_lambda.testing import DeployedFunction
from temporal_lambda.testing.link import Link
from tests.support.lambdas import FUNCTIONS, deploy_at_rest
from tests.support.waiting import until


async def here(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The shared stack runs in the tests' own loop."""
    return await coroutine


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployed(stack: LocalStack) -> AsyncIterator[DeployedFunction]:
    """One function for all, each of which leaves it as it was."""
    link = Link(stack.temporal_address)
    await link.open()
    environment = {
        "TEMPORAL_ADDRESS": link.address,
        "DEPLOYMENT": "requested-faults",
        "QUEUE": "requested-faults",
        "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "300ms",
        "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "1s",
    }
    function = Function(
        "requested-faults",
        "lifecycle.lambda_handler",
        FUNCTIONS,
        timeout=timedelta(seconds=20),
        environment=environment,
    )
    yield DeployedFunction(stack.service, await deploy_at_rest(stack, function), link, here)
    await link.close()


async def start(
    stack: LocalStack, deployed: DeployedFunction, *arguments: Any
) -> WorkflowHandle[Any, Any]:
    return await stack.client.start_workflow(
        "RunActivity", args=arguments, id=arguments[0], task_queue=deployed.task_queue
    )


async def test_crash(stack: LocalStack, deployed: DeployedFunction) -> None:
    handle = await start(stack, deployed, "hold", 1.0, 2.0)
    request_id = await deployed.faults.crash(after="EVENT holds")
    assert await handle.result()
    record = await stack.service.wait_for_record(lambda each: each.request_id == request_id, 5)
    assert record.status == "crash"
    assert (await stack.record_of(handle)).request_id != request_id


async def test_freeze(stack: LocalStack, deployed: DeployedFunction) -> None:
    handle = await start(stack, deployed, "hold", 0.1, 10.0)
    request_id = await deployed.faults.freeze(1.0, after="EVENT holds")
    await handle.result()
    record = await stack.record_of(handle)
    assert record.request_id == request_id
    assert record.duration_ms > 1_000


async def test_throttle(stack: LocalStack, deployed: DeployedFunction) -> None:
    before = stack.service.throttled_requests
    await deployed.faults.throttle(1)
    handle = await start(stack, deployed, "greet", "World", 10.0)
    assert await handle.result() == "Hello, World!"
    assert stack.service.throttled_requests == before + 1


async def test_deadline(stack: LocalStack, deployed: DeployedFunction) -> None:
    # One that is still under way has begun with the function's own.
    await until(lambda: not stack.service.busy(deployed.name))
    await deployed.faults.deadline(6)
    handle = await start(stack, deployed, "time_left_in_loop", None, 10.0)
    assert 0 < await handle.result() < 6
    await deployed.faults.restore()
    assert stack.service.find(deployed.name).timeout.total_seconds() == 20  # type: ignore[union-attr]


async def test_lost_connection(stack: LocalStack, deployed: DeployedFunction) -> None:
    async with deployed.faults.lost_connection():
        answered = await deployed.invoke()
    assert answered.result["errorType"] == "ConnectError"
    assert (await deployed.invoke()).record.status == "success"
    # The controller may have invoked it meanwhile, too.
    assert answered.record in deployed.records


async def test_invocation_that_does_not_come_is_one_clear_error(
    deployed: DeployedFunction,
) -> None:
    message = r"no invocation of requested-faults that printed 'never' ran within 0\.1 s"
    with pytest.raises(LocalStackError, match=message):
        await deployed.faults.crash(after="never", timeout=0.1)


async def test_record_of_a_workflow_that_nobody_serves_is_one_clear_error(
    stack: LocalStack,
) -> None:
    handle = await stack.client.start_workflow("Nothing", id="unserved", task_queue="unserved")
    with pytest.raises(LocalStackError, match=r"workflow unserved has not ended within 0\.2 s"):
        await stack.record_of(handle, timeout=0.2)
    await handle.terminate()
    with pytest.raises(LocalStackError, match="was served by nobody, which is no invocation"):
        await stack.record_of(handle)
