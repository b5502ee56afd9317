"""The Invoke API of the local Lambda, driven by boto3 as AWS's would be."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda.local import LambdaService
from tests.support.lambdas import FUNCTIONS, call, function, recorded
from tests.support.waiting import until


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


@pytest.mark.parametrize("context", ["not base64", base64.b64encode(b"[1]").decode()])
async def test_client_context_that_is_no_object_is_refused(
    context: str, service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="Client context"):
        await call(client, "echo", {}, ClientContext=context)


async def test_client_context_may_be_pretty_printed(service: LambdaService, client: Any) -> None:
    service.add(function("echo"))
    pretty = json.dumps({"custom": {"k": "v"}}, indent=2).encode()
    response = await call(client, "echo", {}, ClientContext=base64.b64encode(pretty).decode())
    assert response["body"]["client_context"] == {"k": "v"}


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


async def test_oversize_payloads_are_413_and_broken_ones_400(
    service: LambdaService, client: Any
) -> None:
    service.add(function("echo"))
    for kind, size in (("RequestResponse", 6 * 1024 * 1024 + 1), ("Event", 1024 * 1024 + 1)):
        with pytest.raises(client.exceptions.RequestTooLargeException, match="must be smaller"):
            await call(client, "echo", "x" * size, InvocationType=kind)
    largest = "x" * (1024 * 1024 - 2)
    assert (await call(client, "echo", largest, InvocationType="Event"))["StatusCode"] == 202
    for broken in (b"{", b"[NaN]", b"-Infinity"):
        with pytest.raises(client.exceptions.InvalidRequestContentException, match="Could not"):
            await asyncio.to_thread(client.invoke, FunctionName="echo", Payload=io.BytesIO(broken))


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
