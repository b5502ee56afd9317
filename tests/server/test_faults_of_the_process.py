"""Processes that end or hang in the middle of things, and what becomes of the workflow."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.budget import TERMINATION
from tests.support.fault_scenario import (
    RETRY_DELAYS,
    CheckDocumented,
    FaultScenario,
    behind_proxy,
    failed,
    ran_activity,
)
from tests.support.lambdas import MakeFunction
from tests.support.waiting import until


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(
            "kill_once",
            marks=pytest.mark.fault("process killed for its memory while an activity runs"),
        ),
        pytest.param(
            "crash_once",
            marks=pytest.mark.fault("process exits while an activity runs"),
        ),
    ],
)
async def test_process_that_ends_in_an_activity(
    activity: str, scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start(activity, timeout=2.0)
    assert await scenario.result(handle) == "survived"
    await check_documented(scenario, handle, await scenario.wait_for_record(failed))


@pytest.mark.parametrize(
    ("activity", "seconds"),
    [
        pytest.param(
            "hang_once",
            60.0,
            marks=pytest.mark.fault("SIGTERM while an activity runs"),
        ),
        pytest.param(
            "sleep_in_thread_once",
            20.0,
            marks=pytest.mark.fault("SIGTERM while an activity runs in a thread"),
        ),
    ],
)
async def test_sigterm_during_an_activity(
    activity: str, seconds: float, scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start(activity, seconds, timeout=60.0)
    await scenario.activity_runs(handle)
    os.kill(scenario.pid, signal.SIGTERM)
    assert await scenario.result(handle) == "survived"
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("SIGTERM during the drain")
async def test_sigterm_during_the_drain(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    env = {"TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "4s"}
    function = make_function("lifecycle.lambda_handler", seconds=8, env=env)
    async with behind_proxy(stack, function) as scenario:
        handle = await scenario.start("outlast_shutdown_once", 30.0, timeout=60.0)
        await scenario.printed("EVENT shutdown begins")
        begun = time.monotonic()
        os.kill(scenario.pid, signal.SIGTERM)
        record = await scenario.wait_for_record(ran_activity)
        assert time.monotonic() - begun < 2 * TERMINATION
        assert await scenario.result(handle) == "survived"
        await check_documented(scenario, handle, record)


@pytest_asyncio.fixture(loop_scope="session")
async def short(stack: LocalStack, make_function: MakeFunction) -> AsyncIterator[FaultScenario]:
    """A function whose invocations end after 5 s, while activities run."""
    function = make_function("lifecycle.lambda_handler", seconds=5, retries=0)
    async with behind_proxy(stack, function) as scenario:
        yield scenario


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(
            "hang_once",
            marks=pytest.mark.fault("deadline while an async activity runs"),
        ),
        pytest.param(
            "sleep_in_thread_once",
            marks=pytest.mark.fault("deadline while an activity runs in a thread"),
        ),
        pytest.param(
            "block_loop_once",
            marks=pytest.mark.fault("activity blocks the event loop until the deadline"),
        ),
    ],
)
async def test_activity_cut_off_by_the_deadline_is_retried_at_once(
    activity: str, short: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await short.start(activity, 30.0, timeout=120.0)
    # Long before the timeout of two minutes.
    assert await short.result(handle) == "survived"
    record = await short.wait_for_record(ran_activity)
    await check_documented(short, handle, record)


@pytest.mark.fault("killed by Lambda at the timeout while an activity runs")
async def test_killed_at_the_timeout(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    # The handler knows no deadline, and nothing idles while the activity runs.
    function = make_function("no_deadline.lambda_handler", seconds=3, retries=0)
    async with behind_proxy(stack, function) as scenario:
        handle = await scenario.start("hang_once", 60.0, timeout=4.0)
        assert await scenario.result(handle) == "survived"
        record = await scenario.wait_for_record(failed)
        assert record.error
        assert record.error.endswith("Task timed out after 3.00 seconds")
        await check_documented(scenario, handle, record)


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(phase, marks=pytest.mark.fault(f"process exits in {place}"))
        for phase, place in {
            "init": "the import of the handler",
            "configure": "the configure callback",
            "hook": "a shutdown hook",
            "teardown": "the code after the callback's yield",
        }.items()
    ],
)
async def test_process_that_exits_in_a_phase(
    phase: str,
    tmp_path: Path,
    stack: LocalStack,
    make_function: MakeFunction,
    check_documented: CheckDocumented,
) -> None:
    armed = tmp_path / "armed"
    function = make_function(
        "crashes.lambda_handler",
        env={"PHASE": phase, "ARMED": str(armed)},
        retry_delays=RETRY_DELAYS,
    )
    async with behind_proxy(stack, function) as scenario:
        armed.touch()
        if phase == "init":
            stack.service.recycle(function.name)
        handle = await scenario.start("greet", "World")
        assert await scenario.result(handle) == "Hello, World!"
        await until(lambda: not armed.exists())
        # A crashed init is tried again at once, within the same invocation.
        record = await scenario.wait_for_record(ran_activity if phase == "init" else failed)
        await check_documented(scenario, handle, record)
