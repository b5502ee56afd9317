"""Tests of examples/greeting, without any event loop of their own."""

from datetime import timedelta

import pytest

from temporal_lambda.testing import (
    BackgroundStack,
    DeployedFunction,
    DeployFunction,
    InvokeHandler,
    Report,
)


@pytest.fixture(scope="session")
def greeting(deploy_function: DeployFunction) -> DeployedFunction:
    return deploy_function("handler.lambda_handler", "greeting")


def test_it_greets_and_leaves_when_it_is_idle(
    local_stack: BackgroundStack, greeting: DeployedFunction
) -> None:
    handle = local_stack.run(
        local_stack.client.start_workflow(
            "Greeting", "World", id="greets", task_queue=greeting.task_queue
        )
    )
    assert local_stack.run(handle.result()) == "Hello, World!"
    record = local_stack.run(local_stack.record_of(handle))
    assert record.status == "success"
    report = Report.of(record)
    assert report.stop_reason == "idle"
    assert report.count("activity") == 1
    assert report.errors == ()


def test_handler_needs_more_than_a_second(invoke_handler: InvokeHandler) -> None:
    run = invoke_handler(
        "handler.lambda_handler", code="greeting", timeout=timedelta(seconds=1), check=False
    )
    assert "Lambda timeout is too short" in str(run.error)
