"""A handler that is imported and called in the tests' own process, with a server that knows it."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import pytest

from temporal_lambda.local import LocalStack, LocalStackError
from temporal_lambda.testing import invoke_handler
from temporal_lambda.testing.imported_handler import import_handler, make_current_once_it_polls
from tests.support.lambdas import FUNCTIONS


async def test_it_serves_what_was_waiting(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    connection = {
        "TEMPORAL_ADDRESS": stack.temporal_address,
        "DEPLOYMENT": "direct",
        "QUEUE": "direct",
        "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1300ms",
    }
    handler = import_handler("lifecycle.lambda_handler", FUNCTIONS, connection)
    handle = await stack.client.start_workflow(
        "RunActivity", args=["greet", "World", 10.0], id="direct", task_queue="direct"
    )
    monkeypatch.setenv("QUEUE", "direct")
    routing = asyncio.create_task(make_current_once_it_polls(stack.client, handler))
    run = await asyncio.to_thread(invoke_handler, handler, timeout=timedelta(seconds=20))
    await asyncio.wait_for(routing, 5)
    assert await handle.result() == "Hello, World!"
    assert run.report.stop_reason == "idle"
    assert run.report.count("activity") == 1
    with pytest.raises(LocalStackError, match="lifecycle has been imported already, with other"):
        import_handler("lifecycle.lambda_handler", FUNCTIONS, {"TEMPORAL_ADDRESS": "other:7233"})
    with pytest.raises(LocalStackError, match="module lifecycle has no handler 'handler'"):
        import_handler("lifecycle.handler", FUNCTIONS, connection)
