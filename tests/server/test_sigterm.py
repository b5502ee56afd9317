"""SIGTERM: the shutdown in the half second before the kill, in whatever phase it comes."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.runtime.budget import TERMINATION
from tests.support.lambdas import MakeFunction, events

SCENARIO = "lifecycle.lambda_handler"


async def test_sigterm_ends_the_work_and_the_shutdown_before_the_kill_that_follows(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    function = stack.create(
        make_function(SCENARIO, env={"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "", "SCENARIO": "hangs"})
    )
    running = asyncio.create_task(stack.service.invoke(function, b"{}"))
    (environment,) = await polling(stack, function.name)
    begun = time.monotonic()
    os.kill(environment.pid, signal.SIGTERM)
    record, _ = await running
    assert time.monotonic() - begun < 2 * TERMINATION
    assert record.status == "success"
    assert events(record)[-4:] == ["drained", "hook", "released", "teardown"]
    assert record.report
    assert record.report["stop_reason"] == "signal"


async def terminated_at(
    line: str, stack: LocalStack, make_function: MakeFunction, scenario: str
) -> tuple[InvocationRecord, float]:
    """Send SIGTERM when a line is printed; the invocation, and the seconds until its end."""
    function = stack.create(make_function(SCENARIO, env={"SCENARIO": scenario}))
    lines: list[str] = []
    stack.service.on_line = lambda request_id, line: lines.append(line)
    running = asyncio.create_task(stack.service.invoke(function, b"{}"))
    while line not in lines:
        await asyncio.sleep(0.01)
    stack.service.on_line = lambda request_id, line: None
    (environment,) = stack.service.environments(function.name)
    begun = time.monotonic()
    os.kill(environment.pid, signal.SIGTERM)
    record, _ = await running
    return record, time.monotonic() - begun


async def test_sigterm_during_setup_does_not_wait_for_it(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    record, seconds = await terminated_at("EVENT waiting", stack, make_function, "setup_waits")
    assert seconds < 2 * TERMINATION
    assert record.status == "success"
    assert events(record) == ["setup", "waiting", "hook"]
    assert record.report
    assert record.report["stop_reason"] == "signal"


async def test_sigterm_during_a_hook_cuts_it_short_and_leaves_the_rest_to_those_after_it(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    record, seconds = await terminated_at(
        "EVENT first begins", stack, make_function, "waiting_hooks"
    )
    assert seconds < 2 * TERMINATION
    assert record.status == "success"
    assert events(record)[-4:] == ["first begins", "last", "released", "teardown"]
    assert record.report
    assert record.report["abandoned"] == [{"hook": "first"}]


async def test_handler_for_sigterm_that_was_there_before_gets_it_after_the_report(
    stack: LocalStack, make_function: MakeFunction
) -> None:
    record, seconds = await terminated_at(
        "EVENT waiting", stack, make_function, "setup_waits_exits_on_sigterm"
    )
    assert seconds < 2 * TERMINATION
    # As the function's own handler for the signal wants it.
    assert record.status == "crash"
    assert record.report
    assert record.report["stop_reason"] == "signal"


async def polling(stack: LocalStack, name: str) -> list[ExecutionEnvironment]:
    """Wait until a function's worker polls; its environments."""
    while name not in stack.service.workers:
        await asyncio.sleep(0.01)
    return stack.service.environments(name)
