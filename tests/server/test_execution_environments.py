"""Execution environments of the local Lambda: how they begin, rest and end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from temporal_lambda.local import LambdaService
from temporal_lambda.local.invocation_log import MAX_LOG_LINES
from tests.support.lambdas import call, function, recorded, running_pid
from tests.support.processes import alive, open_descriptors, process_state
from tests.support.waiting import until


async def test_timeout_kills_the_process_and_the_next_call_starts_a_fresh_one(
    service: LambdaService, client: Any
) -> None:
    service.add(function("hang", timeout=timedelta(seconds=1)))
    for _ in range(2):
        response = await call(client, "hang", {})
        assert response["FunctionError"] == "Unhandled"
        assert response["body"]["errorType"] == "Sandbox.Timedout"
        assert response["body"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    first, second = await recorded(service, 2)
    assert first.status == second.status == "timeout"
    assert first.cold
    assert second.cold
    assert first.pid != second.pid
    assert not alive(first.pid)
    assert 1_000 <= first.duration_ms < 2_000


@pytest.mark.parametrize(
    ("payload", "message"),
    [({"status": 3}, "exit status 3"), ({"status": 0}, "without providing a reason")],
)
async def test_exit_is_a_runtime_exit_error(
    payload: Any, message: str, service: LambdaService, client: Any
) -> None:
    service.add(function("leave"))
    response = await call(client, "leave", payload)
    assert response["body"]["errorType"] == "Runtime.ExitError"
    assert response["body"]["errorMessage"].endswith(message)
    assert service.records[0].status == "crash"


async def test_kill_is_a_runtime_exit_error(service: LambdaService, client: Any) -> None:
    service.add(function("hang"))
    invocation = asyncio.create_task(call(client, "hang", {}))
    pid = await running_pid(service, "hang")
    os.kill(pid, signal.SIGKILL)
    response = await invocation
    assert response["body"]["errorType"] == "Runtime.ExitError"
    assert response["body"]["errorMessage"].endswith("signal: killed")


async def test_exit_during_init_names_the_request(service: LambdaService, client: Any) -> None:
    service.add(function("echo", environment={"INIT_LEAVES": "1"}))
    response = await call(client, "echo", {})
    request_id = response["ResponseMetadata"]["RequestId"]
    assert response["body"]["errorMessage"].startswith(f"RequestId: {request_id} Error: Runtime")


async def test_failing_init_is_tried_twice_and_reported(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo", environment={"INIT_FAILS": "1"}))
    response = await call(client, "echo", {})
    assert response["FunctionError"] == "Unhandled"
    assert response["body"]["errorMessage"] == "init broke"
    (record,) = service.records
    assert record.status == "init_error"
    assert sum("RuntimeError: init broke" in line for line in record.log) == 2


async def test_slow_init_gets_a_second_try_within_the_functions_timeout(
    service: LambdaService, client: Any
) -> None:
    slow = function(
        "echo", init_timeout=timedelta(seconds=0.5), environment={"INIT_SECONDS": "0.6"}
    )
    service.add(slow)
    assert (await call(client, "echo", {}))["body"]["calls"] == 1
    (record,) = service.records
    assert record.status == "success"
    assert record.duration_ms > 600

    service.add(replace(slow, timeout=timedelta(seconds=0.4)))
    response = await call(client, "echo", {})
    assert response["body"]["errorType"] == "Sandbox.Timedout"


async def test_function_that_prints_without_end_is_killed_in_time(
    service: LambdaService, client: Any
) -> None:
    service.add(function("chatter", timeout=timedelta(seconds=1)))
    begun = time.monotonic()
    response = await call(client, "chatter", {})
    assert response["body"]["errorType"] == "Sandbox.Timedout"
    assert time.monotonic() - begun < 5
    (record,) = service.records
    assert record.log[MAX_LOG_LINES] == f"... only the first {MAX_LOG_LINES} lines are kept"
    assert record.log[-1].startswith("REPORT RequestId: ")


async def test_line_without_end_belongs_to_the_request_that_printed_it(
    service: LambdaService, client: Any
) -> None:
    service.add(function("unfinished"))
    for _ in range(2):
        await call(client, "unfinished", {})
    for record in service.records:
        assert record.log[1:-2] == ["no newline"]


async def test_environment_of_a_cancelled_call_is_not_used_again(service: LambdaService) -> None:
    service.add(function("nap", timeout=timedelta(seconds=20)))
    cancelled = asyncio.create_task(service.invoke(function("nap"), b'{"seconds": 10}'))
    pid = await running_pid(service, "nap")
    cancelled.cancel()
    await asyncio.wait({cancelled})
    record, answer = await service.invoke(function("nap"), b'{"seconds": 0}')
    assert record.status == "success"
    assert json.loads(answer.payload) == record.pid != pid
    await until(lambda: not alive(pid))


async def test_raised_concurrency_lets_those_who_wait_go_on(service: LambdaService) -> None:
    service.add(function("nap", concurrency=1))
    for _ in range(3):
        service.enqueue(function("nap"), b'{"seconds": 1}', arn=None, trace_id=None)
    await running_pid(service, "nap")
    service.add(function("nap", concurrency=3))
    await until(lambda: service.busy("nap") == 3)
    await service.end_running("nap")
    assert service.busy("nap") == 0


async def test_many_cold_starts_leave_no_task_and_no_descriptor_behind(
    service: LambdaService,
) -> None:
    service.add(function("echo"))

    async def one() -> None:
        await service.invoke(function("echo"), b"{}")
        service.recycle("echo")
        await until(lambda: not service.environments("echo"))

    await one()
    tasks, descriptors = len(asyncio.all_tasks()), open_descriptors()
    for _ in range(5):
        await one()
    # The wait itself is one more.
    await until(lambda: len(asyncio.all_tasks()) <= tasks + 1)
    await until(lambda: open_descriptors() <= descriptors)


async def test_code_that_disappears_is_reported_and_not_lost(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    gone = replace(function("echo"), code=code)
    code.rmdir()
    async with LambdaService() as service:
        service.add(gone)
        record, answer = await service.invoke(gone, b"{}")
        assert record.status == "init_error"
        assert answer.error_type == "Runtime.InvalidWorkingDir"


async def test_service_left_right_after_a_recycle_leaves_nothing_behind() -> None:
    before = open_descriptors()
    async with LambdaService() as service:
        service.add(function("echo"))
        record, _ = await service.invoke(function("echo"), b"{}")
        service.recycle("echo")
    assert not alive(record.pid)
    await until(lambda: open_descriptors() <= before)


async def test_warm_environment_is_reused_and_cold_start_is_billed(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    first = (await call(client, "echo", {}))["body"]
    second = (await call(client, "echo", {}))["body"]
    assert (first["calls"], second["calls"]) == (1, 2)
    cold, warm = await recorded(service, 2)
    assert (cold.cold, warm.cold) == (True, False)
    assert cold.environment == warm.environment
    assert cold.init_ms
    assert warm.init_ms is None
    assert cold.billed_ms >= cold.init_ms + cold.duration_ms
    assert warm.billed_ms < warm.duration_ms + 1
    assert cold.max_memory_mb
    assert 5 < cold.max_memory_mb < 500


async def test_environment_is_frozen_between_invocations(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    pid = (await call(client, "echo", {}))["body"]["pid"]
    await until(lambda: process_state(pid) == "T")
    (environment,) = service.environments("echo")
    assert environment.frozen
    assert (await call(client, "echo", {}))["body"]["pid"] == pid
    await until(lambda: process_state(pid) == "T")


async def test_idle_environment_is_reaped(service: LambdaService, client: Any) -> None:
    service.add(function("echo", idle_lifetime=timedelta(seconds=0.2)))
    pid = (await call(client, "echo", {}))["body"]["pid"]
    await until(lambda: not alive(pid))
    assert (await call(client, "echo", {}))["body"]["pid"] != pid


async def test_recycled_function_finishes_what_runs_and_then_starts_cold(
    service: LambdaService, client: Any
) -> None:
    service.add(function("nap"))
    running = asyncio.create_task(call(client, "nap", {"seconds": 0.5}))
    pid = await running_pid(service, "nap")
    service.recycle("nap")
    assert (await running)["body"] == pid
    await until(lambda: not alive(pid))
    assert (await call(client, "nap", {"seconds": 0}))["body"] != pid


async def test_stopped_service_leaves_no_process_behind(client: Any) -> None:
    async with LambdaService() as service:
        service.add(function("hang"))
        service.add(function("echo"))
        hanging = asyncio.create_task(service.invoke(function("hang"), b"{}"))
        await service.invoke(function("echo"), b"{}")
        pids = [await running_pid(service, "hang"), service.records[0].pid]
        hanging.cancel()
    assert not any(alive(pid) for pid in pids)


async def test_concurrent_calls_scale_out_to_the_limit_and_are_throttled_beyond(
    service: LambdaService, client: Any
) -> None:
    service.add(function("nap", concurrency=2))
    naps = [asyncio.create_task(call(client, "nap", {"seconds": 1.5})) for _ in range(2)]
    await until(lambda: sum(bool(e.request_id) for e in service.environments("nap")) == 2)
    with pytest.raises(ClientError) as error:
        await call(client, "nap", {"seconds": 0})
    response = error.value.response
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    pids = {(await nap)["body"] for nap in naps}
    assert len(pids) == 2
    assert (await call(client, "nap", {"seconds": 0}))["body"] in pids
