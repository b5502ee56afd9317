"""What is asked of a worker right after its invocation has ended."""

from __future__ import annotations

import asyncio

import pytest

from temporal_lambda.local import LocalStack
from tests.support.fault_scenario import CheckDocumented, behind_proxy, had_tasks, ran_activity
from tests.support.lambdas import MakeFunction
from tests.support.nexus_caller import WITHIN, caller
from tests.support.waiting import PATIENCE


@pytest.mark.fault("query right after the end of the invocation that served its workflow")
async def test_query_at_rest(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    async with behind_proxy(stack, make_function("lifecycle.lambda_handler")) as scenario:
        handle = await scenario.start("hold", 0.1)
        await scenario.result(handle)
        await scenario.wait_for_record(ran_activity)
        at_rest = scenario.service.invocations
        assert await handle.query("__stack_trace", rpc_timeout=WITHIN) is not None
        record = await scenario.wait_for_record(lambda record: record.number > at_rest)
        await check_documented(scenario, handle, record)


@pytest.mark.fault("Nexus operation right after the end of an invocation")
async def test_nexus_operation_at_rest(
    stack: LocalStack, make_function: MakeFunction, check_documented: CheckDocumented
) -> None:
    function = make_function("nexus_service.lambda_handler")
    async with (
        behind_proxy(stack, function) as scenario,
        caller(stack, scenario.deployed.task_queue) as calls,
    ):
        await scenario.result(await scenario.start("hold", 0.1))
        await scenario.wait_for_record(ran_activity)
        at_rest = scenario.service.invocations
        handle = await calls.start()
        assert await asyncio.wait_for(handle.result(), PATIENCE) == "Hello, World!"
        record = await scenario.wait_for_record(
            lambda record: record.number > at_rest and had_tasks(record)
        )
        await check_documented(scenario, handle, record)
    assert record.report
    assert record.report["tasks"]["nexus"] == 1
