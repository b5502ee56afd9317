"""What is known of an invocation while it runs: the tasks it has begun so far."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from temporal_lambda.local import LambdaService, LocalStack
from temporal_lambda.local.invocation_table import short_tasks
from tests.support.lambdas import Deploy, MakeFunction, function
from tests.support.waiting import until


def tasks_of(stack: LocalStack, name: str) -> list[Mapping[str, int] | None]:
    return [record.tasks for record in stack.service.running if record.function == name]


@pytest.mark.parametrize("processes", [None, 2], ids=["default", "managed instance"])
async def test_tasks_are_known_before_the_report(
    processes: int | None, stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    made = make_function("patient.lambda_handler", max_concurrency=processes)
    deployed = await deploy(made)
    name = deployed.function.name
    handle = await stack.client.start_workflow(
        "be-patient", 3.0, id=name, task_queue=deployed.task_queue
    )
    await until(lambda: any(tasks and tasks["activity"] == 1 for tasks in tasks_of(stack, name)))
    (running,) = [record for record in stack.service.running if record.tasks]
    assert running.report is None
    assert short_tasks(running) == "1w 1a"
    await handle.result()
    record = await stack.record_of(handle)
    assert record.report
    assert record.tasks == record.report["tasks"]
    assert short_tasks(record) == "2w 1a"


async def test_tasks_of_an_invocation_that_was_killed_are_known_too(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("patient.lambda_handler"))
    name = deployed.function.name
    await stack.client.start_workflow("be-patient", 30.0, id=name, task_queue=deployed.task_queue)
    await until(lambda: any(tasks and tasks["activity"] == 1 for tasks in tasks_of(stack, name)))
    (running,) = [record for record in stack.service.running if record.function == name]
    await stack.service.end_running(name, grace_seconds=0)
    await until(lambda: running not in stack.service.running)
    assert (running.status, running.report) == ("crash", None)
    assert short_tasks(running) == "1w 1a"
    await stack.client.get_workflow_handle(name).terminate()


async def test_handler_that_is_not_ours_has_no_tasks(service: LambdaService) -> None:
    service.add(function("echo"))
    record, _ = await service.invoke(function("echo"), b"{}")
    assert record.tasks is None
