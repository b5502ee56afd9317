"""What Lambda does to invocations, and what becomes of the workflow."""

from __future__ import annotations

import pytest

from temporal_lambda.local import LocalStack
from tests.support.fault_scenario import (
    RETRY_DELAYS,
    CheckDocumented,
    FaultScenario,
    behind_proxy,
    failed,
    ran_activity,
)
from tests.support.lambdas import MakeFunction


@pytest.mark.fault("Invoke throttled twice")
async def test_throttled_invoke(scenario: FaultScenario, check_documented: CheckDocumented) -> None:
    scenario.service.throttle_requests(2)
    handle = await scenario.start("greet", "World")
    assert await scenario.result(handle) == "Hello, World!"
    assert scenario.service.throttled_requests == 2
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("Event delivered twice")
async def test_event_delivered_twice(
    scenario: FaultScenario, check_documented: CheckDocumented
) -> None:
    handle = await scenario.start("hold", 0.5)
    for _ in range(2):
        scenario.service.enqueue(scenario.function, b"{}", arn=None, trace_id=None)
    await scenario.result(handle)
    await scenario.at_rest()
    assert len(scenario.records) >= 2
    assert {record.status for record in scenario.records} == {"success"}
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("handler fails, Lambda delivers the Event again")
async def test_event_of_a_failed_invocation(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    function = make_function(
        "lifecycle.lambda_handler", env={"SCENARIO": "raises_second"}, retry_delays=RETRY_DELAYS
    )
    async with behind_proxy(stack, function) as scenario:
        handle = await scenario.start("greet", "World")
        assert await scenario.result(handle) == "Hello, World!"
        await check_documented(scenario, handle, await scenario.wait_for_record(failed))
