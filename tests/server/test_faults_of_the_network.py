"""What networks do to a connection, and what becomes of the workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.connection import CHECK_SECONDS
from tests.support.fault_scenario import (
    RETRY_DELAYS,
    CheckDocumented,
    FaultScenario,
    behind_proxy,
    failed,
    ran_activity,
)
from tests.support.lambdas import MakeFunction
from tests.support.proxy import Proxy
from tests.support.waiting import until


@pytest.mark.fault("connection reset while the worker polls")
async def test_reset_while_polling(
    scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    scenario.service.enqueue(scenario.function, b"{}", arn=None, trace_id=None)
    await scenario.printed("EVENT work")
    before = scenario.proxy.accepted
    scenario.proxy.cut()
    await until(lambda: scenario.proxy.accepted > before)
    handle = await scenario.start("greet", "World")
    assert await scenario.result(handle) == "Hello, World!"
    record = await scenario.wait_for_record(lambda record: True)
    await check_documented(scenario, handle, record)


@pytest.mark.parametrize(
    "break_off",
    [
        pytest.param(
            Proxy.cut,
            marks=pytest.mark.fault("connection reset while an activity runs"),
            id="reset",
        ),
        pytest.param(
            Proxy.half_close,
            marks=pytest.mark.fault("connection half-closed by the server while an activity runs"),
            id="half-closed",
        ),
    ],
)
async def test_connection_that_ends_during_an_activity(
    break_off: Callable[[Proxy], None], scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start("hold", 1.0)
    await scenario.printed("EVENT holds")
    break_off(scenario.proxy)
    await scenario.result(handle)
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("network stalls for a second while an activity runs")
async def test_stall_during_an_activity(
    scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start("hold", 0.5)
    await scenario.printed("EVENT holds")
    scenario.proxy.stall()
    asyncio.get_running_loop().call_later(1.0, scenario.proxy.resume)
    await scenario.result(handle)
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("packets swallowed while an activity runs, until the server gives up on them")
async def test_blackhole_during_an_activity(
    scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start("hold", 0.5, timeout=9.0)
    await scenario.printed("EVENT holds")
    scenario.proxy.swallow()
    record = await scenario.wait_for_record(ran_activity)
    # As the server does after a minute without a sign of life. Until then it may hand tasks to the
    # polls of this connection.
    scenario.proxy.cut()
    await scenario.result(handle)
    await check_documented(scenario, handle, record)


@pytest.mark.fault("packets swallowed after a freeze")
async def test_blackhole_after_a_freeze(
    scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    scenario.proxy.swallow()
    handle = await scenario.start("greet", "World")
    assert await scenario.result(handle) == "Hello, World!"
    record = await scenario.wait_for_record(ran_activity)
    assert record.report
    assert record.report["connection"] == "replaced"
    # Besides the check it holds a new connection, a workflow, and the second of quiet at the end.
    assert record.report["phases_ms"]["work"] < 1000 * CHECK_SECONDS + 2500
    await check_documented(scenario, handle, record)


@pytest.mark.parametrize(
    ("break_off", "mend"),
    [
        pytest.param(
            Proxy.stall,
            Proxy.resume,
            marks=pytest.mark.fault("connecting hangs until the time is up"),
            id="hangs",
        ),
        pytest.param(
            Proxy.refuse,
            Proxy.admit,
            marks=pytest.mark.fault("server refuses connections for a while"),
            id="refused",
        ),
    ],
)
async def test_connection_that_cant_be_made(
    break_off: Callable[[Proxy], None],
    mend: Callable[[Proxy], None],
    stack: LocalStack,
    make_function: MakeFunction,
    check_documented: CheckDocumented,
) -> None:
    env = {"TEMPORAL_LAMBDA_REUSE_CONNECTION": "false"}
    function = make_function(
        "lifecycle.lambda_handler", seconds=5, env=env, retry_delays=RETRY_DELAYS
    )
    async with behind_proxy(stack, function) as scenario:
        break_off(scenario.proxy)
        handle = await scenario.start("greet", "World")
        record = await scenario.wait_for_record(failed)
        mend(scenario.proxy)
        assert await scenario.result(handle) == "Hello, World!"
        await check_documented(scenario, handle, record)


@pytest.mark.fault("server restarts while an activity runs")
async def test_server_restarts(
    tmp_path: Path, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    function = make_function("lifecycle.lambda_handler")
    async with (
        LocalStack(database=tmp_path / "temporal.db") as stack,
        behind_proxy(stack, function) as scenario,
    ):
        handle = await scenario.start("hold", 3.0)
        await scenario.printed("EVENT holds")
        await stack.restart_server()
        await scenario.result(handle)
        record = await scenario.wait_for_record(ran_activity)
        await check_documented(scenario, handle, record)
