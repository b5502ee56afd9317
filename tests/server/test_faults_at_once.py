"""Two faults at once, or one that goes on for a while, and what becomes of the workflow."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from temporal_lambda.local import LocalStack
from tests.support.fault_scenario import (
    RETRY_DELAYS,
    CheckDocumented,
    FaultScenario,
    MakeScenario,
    behind_proxy,
    failed,
    ran_activity,
)
from tests.support.gateway import Gateway
from tests.support.lambdas import MakeFunction
from tests.support.processes import no_more_descriptors
from tests.support.waiting import until

FOR_A_WHILE = 2.0
"""Seconds that a fault goes on."""

API_KEY = "key-of-the-tests"


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process group in the middle of its invocation, as a machine that is suspended."""
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGCONT)


@pytest.mark.fault("freeze while an activity runs, in which the server restarts")
async def test_freeze_and_restart(
    tmp_path: Path, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    function = make_function("lifecycle.lambda_handler", seconds=15)
    async with (
        LocalStack(database=tmp_path / "temporal.db") as stack,
        behind_proxy(stack, function) as scenario,
    ):
        handle = await scenario.start("hold", 2.0)
        await scenario.printed("EVENT holds")
        with frozen(scenario.pid):
            await stack.restart_server()
        await scenario.result(handle)
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("SIGTERM in a freeze while an activity runs")
async def test_freeze_and_sigterm(
    scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start("hang_once", 60.0, timeout=60.0)
    await scenario.activity_runs(handle)
    with frozen(scenario.pid):
        os.kill(scenario.pid, signal.SIGTERM)
        await asyncio.sleep(1)
    assert await scenario.result(handle) == "survived"
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("SIGTERM while an activity runs, and a hook is stuck")
async def test_sigterm_and_a_stuck_hook(
    armed: Path, surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by("stuck hook") as scenario:
        armed.touch()
        handle = await scenario.start("hang_once", 60.0, timeout=60.0)
        await scenario.activity_runs(handle)
        os.kill(scenario.pid, signal.SIGTERM)
        assert await scenario.result(handle) == "survived"
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("deadline while an activity runs, and a hook is stuck")
async def test_deadline_and_a_stuck_hook(
    armed: Path, surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by("stuck hook", seconds=5) as scenario:
        armed.touch()
        handle = await scenario.start("hang_once", 60.0, timeout=120.0)
        assert await scenario.result(handle) == "survived"
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("process killed while an activity runs, and the server refuses connections")
async def test_killed_and_refused(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    function = make_function("lifecycle.lambda_handler", seconds=5, retry_delays=RETRY_DELAYS)
    async with behind_proxy(stack, function) as scenario:
        handle = await scenario.start("hang_once", 60.0, timeout=4.0)
        await scenario.activity_runs(handle)
        scenario.proxy.refuse()
        os.kill(scenario.pid, signal.SIGKILL)
        record = await scenario.wait_for_record(failed)
        await asyncio.sleep(FOR_A_WHILE)
        scenario.proxy.admit()
        assert await scenario.result(handle) == "survived"
        await check_documented(scenario, handle, record)


@pytest.mark.fault("local Lambda out of file descriptors when it starts a process")
async def test_event_without_descriptors(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    function = make_function("lifecycle.lambda_handler", retry_delays=RETRY_DELAYS)
    async with behind_proxy(stack, function) as scenario:
        scenario.service.recycle(function.name)
        await until(lambda: not scenario.service.environments(function.name))
        with no_more_descriptors():
            scenario.service.enqueue(scenario.function, b"{}", arn=None, trace_id=None)
            record = await scenario.wait_for_record(failed)
        handle = await scenario.start("greet", "World")
        assert await scenario.result(handle) == "Hello, World!"
        await check_documented(scenario, handle, record)


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(stack: LocalStack) -> AsyncIterator[Gateway]:
    async with Gateway(stack.temporal_address, API_KEY) as gateway:
        yield gateway


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            marks=pytest.mark.fault("server limits the rate of all calls for a while"),
            id="rate limit",
        ),
        pytest.param(
            grpc.StatusCode.INTERNAL,
            marks=pytest.mark.fault("server answers all calls with an internal error for a while"),
            id="internal",
        ),
    ],
)
async def test_server_out_of_order_while_an_activity_runs(
    status: grpc.StatusCode,
    stack: LocalStack,
    gateway: Gateway,
    make_function: MakeFunction,
    check_documented: CheckDocumented,
) -> None:
    env = {"TEMPORAL_API_KEY": API_KEY, "TEMPORAL_TLS": "false"}
    function = make_function("lifecycle.lambda_handler", env=env, retry_delays=RETRY_DELAYS)
    async with behind_proxy(stack, function, gateway.address) as scenario:
        handle = await scenario.start("hold", 4.0)
        await scenario.printed("EVENT holds")
        gateway.fail(status)
        await asyncio.sleep(FOR_A_WHILE / 2)
        gateway.recover()
        await scenario.result(handle)
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("health check of the kept connection is refused")
async def test_refused_health_check(
    stack: LocalStack,
    gateway: Gateway,
    make_function: MakeFunction,
    check_documented: CheckDocumented,
) -> None:
    env = {"TEMPORAL_API_KEY": API_KEY, "TEMPORAL_TLS": "false"}
    function = make_function("lifecycle.lambda_handler", env=env)
    async with behind_proxy(stack, function, gateway.address) as scenario:
        gateway.refuses_health_checks = True
        handle = await scenario.start("hold", 0.1)
        await scenario.result(handle)
        record = await scenario.wait_for_record(ran_activity)
        await check_documented(scenario, handle, record)
    assert record.report
    assert record.report["connection"] == "reused"
