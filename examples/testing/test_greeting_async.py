"""Tests of examples/greeting with pytest-asyncio: either mode, each test in a loop of its own."""

import pytest

from temporal_lambda.testing import BackgroundStack, DeployedFunction, DeployFunction, Report


@pytest.fixture(scope="session")
def greeting(deploy_function: DeployFunction) -> DeployedFunction:
    return deploy_function("handler.lambda_handler", "greeting")


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["Ada", "Grace"])
async def test_it_greets(
    local_stack: BackgroundStack, greeting: DeployedFunction, name: str
) -> None:
    handle = await local_stack.client.start_workflow(
        "Greeting", name, id=f"greets-{name}", task_queue=greeting.task_queue
    )
    assert await handle.result() == f"Hello, {name}!"
    record = await local_stack.record_of(handle)
    assert Report.of(record).count("activity") >= 1


@pytest.mark.asyncio
async def test_it_greets_once_the_server_is_back(
    local_stack: BackgroundStack, greeting: DeployedFunction
) -> None:
    async with greeting.faults.lost_connection():
        answered = await greeting.invoke()
    assert answered.record.status == "error"
    assert answered.result["errorType"] == "ConnectError"
