"""The log says nothing of collected workflows, and all else that OpenTelemetry has to say."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging

import pytest
from opentelemetry import context

from temporal_lambda.otel.clean_log import tolerate_collected_workflows


async def with_open_span(begun: asyncio.Event) -> None:
    token = context.attach(context.set_value("a", "b"))
    try:
        begun.set()
        await asyncio.get_running_loop().create_future()
    finally:
        context.detach(token)


def leave_open() -> None:
    """What a workflow is that its worker has left: a coroutine that nothing refers to."""
    left = [with_open_span(asyncio.Event())]
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        left[0].send(None)

    contextvars.copy_context().run(loop.run_until_complete, begin())
    loop.close()
    left.clear()
    gc.collect()


@pytest.fixture(autouse=True)
def untouched() -> None:
    logging.getLogger("opentelemetry.context").filters.clear()


def test_workflow_that_is_collected_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    leave_open()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    caplog.clear()
    tolerate_collected_workflows()
    tolerate_collected_workflows()
    leave_open()
    assert caplog.records == []
    assert len(logging.getLogger("opentelemetry.context").filters) == 1


def test_mistake_in_somebodys_code_is_still_told(caplog: pytest.LogCaptureFixture) -> None:
    tolerate_collected_workflows()
    elsewhere = contextvars.copy_context()
    token = elsewhere.run(context.attach, context.set_value("a", "b"))
    context.detach(token)
    assert [record.getMessage() for record in caplog.records] == ["Failed to detach context"]
