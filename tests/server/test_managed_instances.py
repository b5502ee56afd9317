"""Managed Instances: one environment of the local Lambda runs several processes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.local import Function, InvocationRecord, LambdaService, LocalStack
from tests.support.lambdas import MakeFunction, events, recorded
from tests.support.processes import alive, open_descriptors, process_state
from tests.support.waiting import until


@pytest.fixture
def managed(make_function: MakeFunction) -> Function:
    return make_function("managed.lambda_handler", max_concurrency=2, concurrency=4)


async def run(service: LambdaService, function: Function, **event: Any) -> Any:
    """The function's answer, or its error."""
    _, answer = await service.invoke(function, json.dumps(event).encode())
    return json.loads(answer.payload)


def printed(record: InvocationRecord) -> list[str]:
    return [line for line in record.log if line.startswith(("begins", "ends"))]


async def test_invocations_run_beside_each_other_in_one_environment(
    service: LambdaService, managed: Function, tmp_path: Path
) -> None:
    service.add(managed)
    meeting = {"folder": str(tmp_path), "count": 2}
    first, second = await asyncio.gather(
        run(service, managed, name="a", **meeting), run(service, managed, name="b", **meeting)
    )
    assert first["pid"] != second["pid"]
    assert first["stream"] == second["stream"]
    assert process_state(first["pid"]) != "T"
    records = {record.pid: record for record in await recorded(service, 2)}
    assert printed(records[first["pid"]]) == ["begins a", "ends a"]
    assert printed(records[second["pid"]]) == ["begins b", "ends b"]
    assert len({record.environment for record in service.records}) == 1
    assert await run(service, managed, name="c") in (first, second)


async def test_more_invocations_than_processes_begin_another_environment(
    service: LambdaService, managed: Function, tmp_path: Path
) -> None:
    service.add(managed)
    meeting = {"folder": str(tmp_path), "count": 3}
    answers = await asyncio.gather(*(run(service, managed, **meeting) for _ in range(3)))
    assert len({answer["pid"] for answer in answers}) == 3
    assert len({answer["stream"] for answer in answers}) == 2
    assert len(service.environments(managed.name)) == 2


async def test_process_that_ends_takes_its_invocation_with_it_and_is_not_replaced(
    service: LambdaService, managed: Function, tmp_path: Path
) -> None:
    service.add(managed)
    meeting = {"folder": str(tmp_path), "count": 2}
    stays, left = await asyncio.gather(
        run(service, managed, **meeting), run(service, managed, leaves=True, **meeting)
    )
    assert left["errorType"] == "Runtime.ExitError"
    (environment,) = service.environments(managed.name)
    assert environment.capacity == 1
    assert await run(service, managed) == stays
    # With its last process the environment ends, too.
    assert (await run(service, managed, leaves=True))["errorType"] == "Runtime.ExitError"
    await until(lambda: not environment.alive)
    assert (await run(service, managed))["stream"] != stays["stream"]


async def test_overdue_invocation_has_failed_for_its_caller_and_occupies_its_process(
    service: LambdaService, make_function: MakeFunction
) -> None:
    function = make_function("managed.lambda_handler", seconds=1, max_concurrency=1)
    service.add(function)
    assert (await run(service, function))["pid"]
    (environment,) = service.environments(function.name)
    overdue = await run(service, function, name="late", seconds=2)
    assert overdue["errorType"] == "Sandbox.Timedout"
    assert environment.capacity == 0
    assert environment.alive
    await until(lambda: environment.capacity == 1)
    record = next(record for record in service.records if record.status == "timeout")
    assert printed(record) == ["begins late", "ends late"]
    assert alive(record.pid)
    assert (await run(service, function))["pid"] == record.pid


async def test_invocation_that_is_to_end_hears_of_it_and_may_still_answer(
    service: LambdaService, managed: Function
) -> None:
    service.add(managed)
    heard: list[str] = []
    service.on_line = lambda request_id, line: heard.append(line)
    running = asyncio.create_task(run(service, managed, until_sigterm=True))
    await until(lambda: "begins to wait" in heard)
    await service.end_running(managed.name, grace_seconds=10)
    assert (await running)["pid"]
    assert "ends early" in heard


async def test_init_that_fails_in_all_processes_is_reported_once(
    service: LambdaService, make_function: MakeFunction
) -> None:
    function = make_function("managed.lambda_handler", max_concurrency=2, env={"INIT_FAILS": "1"})
    service.add(function)
    assert (await run(service, function))["errorMessage"] == "init broke"
    (record,) = service.records
    assert record.status == "init_error"
    assert service.environments(function.name) == []


async def test_environment_leaves_no_process_and_no_descriptor_behind(
    service: LambdaService, managed: Function
) -> None:
    before = open_descriptors()
    service.add(managed)
    answer = await run(service, managed)
    running = asyncio.create_task(service.invoke(managed, b'{"seconds": 30}'))
    await until(lambda: service.busy(managed.name) == 1)
    running.cancel()
    await asyncio.wait({running})
    service.recycle(managed.name)
    await until(lambda: not alive(answer["pid"]))
    await until(lambda: open_descriptors() <= before)


async def test_processes_of_one_environment_share_no_identity_and_no_id(
    stack: LocalStack, make_function: MakeFunction, tmp_path: Path
) -> None:
    function = stack.create(
        make_function(
            "snapshots.lambda_handler",
            max_concurrency=2,
            env={
                "OTEL_TRACES_EXPORTER": "none",
                "OTEL_METRICS_EXPORTER": "none",
                "FOLDER": str(tmp_path),
            },
        )
    )
    results = await asyncio.gather(*(stack.service.invoke(function, b"{}") for _ in range(2)))
    first, second = (record for record, _ in results)
    assert first.environment == second.environment
    assert first.pid != second.pid
    told = [dict(line.split(" ", 1) for line in events(record)) for record in (first, second)]
    for name in ("identity", "instance"):
        assert told[0][name] != told[1][name]
    for record in (first, second):
        assert record.report
        assert record.report["initialization"] == "lambda-managed-instances"
