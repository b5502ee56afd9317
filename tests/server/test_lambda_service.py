"""The local Lambda, driven by boto3 as AWS's would be."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.exceptions import ClientError

from temporal_lambda.local import Function, InvocationRecord, LambdaService
from temporal_lambda.local.invoke_api import InvokeApi

FUNCTIONS = Path(__file__).parent.parent / "functions"


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[LambdaService]:
    async with LambdaService() as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def client(service: LambdaService) -> AsyncIterator[Any]:
    async with InvokeApi(service) as api:
        yield boto3.client(
            "lambda",
            endpoint_url=api.endpoint,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 0}, read_timeout=30),
        )


def function(handler: str, **options: Any) -> Function:
    return Function(handler, f"plain.{handler}", FUNCTIONS, **options)


async def call(client: Any, name: str, payload: Any = None, **options: Any) -> Any:
    """``client.invoke`` in a thread, with the payload read and decoded."""
    if payload is not None:
        options["Payload"] = json.dumps(payload).encode()
    response = await asyncio.to_thread(client.invoke, FunctionName=name, **options)
    body = response["Payload"].read()
    response["body"] = json.loads(body) if body else None
    return response


async def recorded(service: LambdaService, count: int) -> list[InvocationRecord]:
    await service.wait_for_record(lambda record: record.number == count, 20)
    return sorted(service.records, key=lambda record: record.number)


async def test_request_response_returns_what_the_handler_returned(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo", timeout=timedelta(seconds=9), environment={"MINE": "yes"}))
    response = await call(client, "echo", {"a": [1, "ü"]})
    assert response["StatusCode"] == 200
    assert response["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in response
    body = response["body"]
    assert body["event"] == {"a": [1, "ü"]}
    assert body["request_id"] == response["ResponseMetadata"]["RequestId"]
    assert body["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:echo"
    assert 8_000 < body["remaining_ms"] <= 9_000


async def test_function_sees_lambdas_environment_and_not_ours(
    service: LambdaService, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "secret")
    service.add(function("echo", memory_mb=256, environment={"MINE": "yes"}))
    environment = (await call(client, "echo", {}))["body"]["environment"]
    expected = {
        "MINE": "yes",
        "_HANDLER": "plain.echo",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "echo",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/echo",
        "LAMBDA_TASK_ROOT": str(FUNCTIONS),
        "TZ": ":UTC",
    }
    assert expected.items() <= environment.items()
    assert environment["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert "TEMPORAL_API_KEY" not in environment


@pytest.mark.parametrize(
    "name",
    [
        "echo",
        "echo:$LATEST",
        "123456789012:function:echo",
        "arn:aws:lambda:us-east-1:123456789012:function:echo",
        "arn:aws:lambda:us-east-1:123456789012:function:echo:$LATEST",
    ],
)
async def test_function_is_found_by_name_and_arn(
    name: str, service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    found = await asyncio.to_thread(client.get_function, FunctionName=name)
    assert found["Configuration"]["FunctionName"] == "echo"
    assert found["Configuration"]["State"] == "Active"
    assert (await call(client, name, {}, InvocationType="DryRun"))["StatusCode"] == 204
    assert not service.records


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "echo:7",
        "arn:aws:lambda:eu-west-1:123456789012:function:echo",
        "arn:aws:lambda:us-east-1:999999999999:function:echo",
    ],
)
async def test_unknown_function_is_404(name: str, service: LambdaService, client: Any) -> None:
    service.add(function("echo"))
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        await call(client, name, {})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        await asyncio.to_thread(client.get_function, FunctionName=name)


async def test_empty_payload_reaches_the_handler_as_an_empty_object(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    assert (await call(client, "echo"))["body"]["event"] == {}


async def test_client_context_and_log_tail(service: LambdaService, client: Any) -> None:
    service.add(function("echo"))
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    response = await call(client, "echo", {}, ClientContext=context, LogType="Tail")
    assert response["body"]["client_context"] == {"k": "v"}
    log = base64.b64decode(response["LogResult"]).decode()
    request_id = response["ResponseMetadata"]["RequestId"]
    lines = log.splitlines()
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert {"to stdout", "to stderr"} <= set(lines)
    assert lines[-2] == f"END RequestId: {request_id}"
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "Init Duration: " in lines[-1]


async def test_handler_error_is_a_function_error(service: LambdaService, client: Any) -> None:
    service.add(function("fail"))
    response = await call(client, "fail", {})
    assert response["StatusCode"] == 200
    assert response["FunctionError"] == "Unhandled"
    assert response["body"]["errorType"] == "ValueError"
    assert response["body"]["errorMessage"] == "handler broke"
    assert "raise ValueError" in "".join(response["body"]["stackTrace"])
    (record,) = service.records
    assert (record.status, record.error) == ("error", "ValueError: handler broke")


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


async def test_idle_environment_is_reaped(service: LambdaService, client: Any) -> None:
    service.add(function("echo", idle_lifetime=timedelta(seconds=0.2)))
    pid = (await call(client, "echo", {}))["body"]["pid"]
    await until(lambda: not alive(pid))
    assert (await call(client, "echo", {}))["body"]["pid"] != pid


async def test_oversize_payloads_are_413_and_broken_ones_400(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    for kind, size in (("RequestResponse", 6 * 1024 * 1024 + 1), ("Event", 1024 * 1024 + 1)):
        with pytest.raises(client.exceptions.RequestTooLargeException, match="must be smaller"):
            await call(client, "echo", "x" * size, InvocationType=kind)
    largest = "x" * (1024 * 1024 - 2)
    assert (await call(client, "echo", largest, InvocationType="Event"))["StatusCode"] == 202
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="Could not parse"):
        await asyncio.to_thread(client.invoke, FunctionName="echo", Payload=io.BytesIO(b"{"))


async def test_oversize_response_is_a_function_error(service: LambdaService, client: Any) -> None:
    service.add(function("big"))
    response = await call(client, "big", {})
    assert response["body"]["errorType"] == "Function.ResponseSizeTooLarge"


async def test_event_is_accepted_at_once_and_runs_later(
    service: LambdaService, client: Any
) -> None:
    service.add(function("nap", concurrency=1))
    for _ in range(3):
        response = await call(client, "nap", {"seconds": 0.1}, InvocationType="Event")
        assert response["StatusCode"] == 202
        assert response["body"] is None
    records = await recorded(service, 3)
    assert [record.invocation_type for record in records] == ["Event"] * 3
    assert len({record.request_id for record in records}) == 3
    assert len({record.pid for record in records}) == 1


async def test_failed_event_is_retried_twice_under_the_same_request_id(
    service: LambdaService, client: Any
) -> None:
    delays = (timedelta(seconds=0.1), timedelta(seconds=0.3))
    service.add(function("fail_twice", retry_delays=delays))
    await call(client, "fail_twice", {}, InvocationType="Event")
    records = await recorded(service, 3)
    assert [(r.attempt, r.status) for r in records] == [(1, "error"), (2, "error"), (3, "success")]
    assert len({record.request_id for record in records}) == 1
    pauses = [
        (later.started_at - earlier.started_at).total_seconds()
        for earlier, later in itertools.pairwise(records)
    ]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.3
    assert not service.dropped


async def test_event_is_dropped_when_retries_or_age_are_exhausted(
    service: LambdaService, client: Any
) -> None:
    no_wait = (timedelta(0), timedelta(0))
    service.add(function("fail", retry_delays=no_wait))
    await call(client, "fail", {"n": 1}, InvocationType="Event")
    await until(lambda: bool(service.dropped))
    (dropped,) = service.dropped
    assert (dropped.reason, dropped.attempts) == ("RetriesExhausted", 3)
    assert json.loads(dropped.payload) == {"n": 1}

    service.add(function("nap", concurrency=1, max_event_age=timedelta(seconds=0.3)))
    await call(client, "nap", {"seconds": 1}, InvocationType="Event")
    await call(client, "nap", {"seconds": 0}, InvocationType="Event")
    await until(lambda: len(service.dropped) == 2)
    assert (service.dropped[1].reason, service.dropped[1].attempts) == ("EventAgeExceeded", 0)


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


async def running_pid(service: LambdaService, name: str) -> int:
    """The process that runs an invocation right now."""
    await until(lambda: any(e.request_id for e in service.environments(name)))
    return next(e.pid for e in service.environments(name) if e.request_id)


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for a condition."""

    async def ask() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(ask(), seconds)


def alive(pid: int) -> bool:
    return process_state(pid) not in (None, "Z")


def process_state(pid: int) -> str | None:
    """The state letter of ``/proc/<pid>/stat``; ``None`` if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return None
    return stat.rpartition(")")[2].split()[0]
