"""One function, several task queues: one connection, one close, one report."""

from __future__ import annotations

import asyncio
import uuid

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.lambdas import Deploy, MakeFunction, rest

HANDLER = "two_queues.lambda_handler"


async def run(stack: LocalStack, workflow: str, queue: str, *arguments: str) -> str:
    handle = stack.client.execute_workflow(
        workflow, args=list(arguments), id=uuid.uuid4().hex, task_queue=queue, result_type=str
    )
    return await asyncio.wait_for(handle, 30)


def tasks(records: list[InvocationRecord], queue: str, kind: str) -> int:
    """Of all invocations."""
    return sum(record.report["tasks_by_queue"][queue][kind] for record in records if record.report)


def records_of(stack: LocalStack, deployed: Deployed) -> list[InvocationRecord]:
    return [r for r in stack.service.records if r.function == deployed.function.name]


async def test_function_serves_all_its_task_queues_and_is_invoked_for_each(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function(HANDLER))
    orders, reports = deployed.task_queue, f"{deployed.task_queue}-reports"
    assert await run(stack, "Order", orders, "tea") == f"report of tea on {reports}"
    await rest(stack, deployed)
    assert await run(stack, "Overview", reports) == reports
    await rest(stack, deployed)
    records = records_of(stack, deployed)
    assert {record.status for record in records} == {"success"}
    assert tasks(records, orders, "workflow") == 2
    assert tasks(records, orders, "activity") == 0
    assert tasks(records, reports, "workflow") == 1
    assert tasks(records, reports, "activity") == 1
    for record in records:
        assert record.report
        both = record.report["tasks_by_queue"]
        for kind, count in record.report["tasks"].items():
            assert count == both[orders][kind] + both[reports][kind]
    (served,) = stack.service.workers[deployed.function.name]["more_workers"]
    assert served == {
        "task_queue": reports,
        "workflows": ["Overview"],
        "activities": ["write_report"],
    }
