"""Log lines in Lambda say which request, workflow, activity and trace they belong to."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.lambdas import Deploy, Invoke, MakeFunction
from tests.support.otlp import Receiver, receiving
from tests.support.traced import errors_of, records_at_rest, run_order
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("clean_log")


async def run_order_and_notify(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy, receiver: Receiver, **env: str
) -> tuple[str, InvocationRecord]:
    """The invocation that ran a workflow, and the workflow's id."""
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "SCENARIO": "logs", **env}
    deployed = await deploy(make_function("traced.lambda_handler", env=given))
    notified = await stack.client.start_workflow(
        "RunActivity",
        args=["notify", "c-1", 10.0],
        id=f"notify-{uuid.uuid4().hex[:8]}",
        task_queue=deployed.task_queue,
    )
    workflow_id = await run_order(stack, deployed.task_queue, pause=0)
    await asyncio.wait_for(notified.result(), 30)
    await until(lambda: receiver.named("order"))
    records = await records_at_rest(stack, deployed.function)
    return workflow_id, next(r for r in records if any("charged 1" in line for line in r.log))


async def test_json(stack: LocalStack, make_function: MakeFunction, deploy: Deploy) -> None:
    with receiving() as receiver:
        workflow_id, record = await run_order_and_notify(
            stack,
            make_function,
            deploy,
            receiver,
            AWS_LAMBDA_LOG_FORMAT="JSON",
            AWS_LAMBDA_LOG_LEVEL="INFO",
        )
        trace_id = receiver.named("order")[0].trace_id
        own = next(s for s in receiver.of_request(record.request_id) if s.name == record.function)
        # As records too: of the activity, and of the workflow, once although it ran again.
        sent = [found for found in receiver.records if found.body == "charged 1"]
        assert [(s.trace_id, s.attributes["workflow_id"]) for s in sent] == [
            (trace_id, workflow_id)
        ]
        bodies = [found.body for found in receiver.records]
        assert len([body for body in bodies if body.startswith("half of it is paid")]) == 1
    lines = [json.loads(line) for line in record.log if line.startswith("{")]

    def one(text: str) -> dict[str, Any]:
        (found,) = [line for line in lines if text in str(line.get("message"))]
        return dict(found)

    # The SDK's logger, and one of the user's own in the same activity.
    for text in ("charging 1", "charged 1"):
        line = one(text)
        assert line["requestId"] == record.request_id
        assert line["workflow_id"] == workflow_id
        assert line["activity_id"] == "1"
        assert line["trace_id"] == trace_id
    line = one("half of it is paid")
    assert (line["workflow_id"], line["trace_id"]) == (workflow_id, trace_id)
    report = one("temporal_lambda invocation")
    assert report["trace_id"] == own.trace_id
    assert report["level"] == "INFO"
    assert record.report
    assert record.report["request_id"] == record.request_id
    # Powertools writes its own line, in its own format, and once.
    line = one("notified")
    assert (line["service"], line["customer"]) == ("shop", "c-1")


async def test_text(stack: LocalStack, make_function: MakeFunction, deploy: Deploy) -> None:
    with receiving() as receiver:
        workflow_id, record = await run_order_and_notify(stack, make_function, deploy, receiver)
        trace_id = receiver.named("order")[0].trace_id
    (line,) = [line for line in record.log if "charging 1" in line]
    fields = f"\t{record.request_id}\t[workflow_id={workflow_id} activity_id=1 trace_id={trace_id}]"
    assert fields in line
    (report,) = [line for line in record.log if "temporal_lambda invocation" in line]
    assert "[trace_id=" in report
    assert record.report


@pytest.mark.parametrize(("level", "lines"), [("ERROR", 0), ("INFO", 1)])
async def test_level_is_lambdas(
    level: str, lines: int, make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {"SCENARIO": "logs", "FLUSH": "never", "AWS_LAMBDA_LOG_LEVEL": level}
    record = await invoke(make_function("traced.quick_handler", env=env))
    assert len([line for line in record.log if "temporal_lambda worker" in line]) == lines


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
async def test_log_of_open_workflows_has_no_error_whenever_they_are_collected(
    log_format: str, stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    """Their spans are open, and each invocation collects what the one before it left behind."""
    with receiving() as receiver:
        env = {
            "AWS_LAMBDA_LOG_FORMAT": log_format,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        }
        deployed = await deploy(make_function("traced.lambda_handler", env=env))
        records = await leave_orders_open(stack, deployed)
    assert len(records) >= 3
    assert errors_of(records) == []


async def leave_orders_open(stack: LocalStack, deployed: Deployed) -> list[InvocationRecord]:
    """Run invocations that each end with orders open."""
    queue = deployed.task_queue
    started = [
        await stack.client.start_workflow(
            "Order", 600.0, id=f"order-{uuid.uuid4().hex[:8]}", task_queue=queue
        )
        for _ in range(3)
    ]
    await until(lambda: half_paid(stack, deployed.function) == 3)
    for _ in range(2):
        await stack.service.invoke(deployed.function, b"{}")
    records = await records_at_rest(stack, deployed.function)
    for handle in started:
        await handle.terminate()
    return records


def half_paid(stack: LocalStack, function: Function) -> int:
    """How many orders have come to their pause."""
    records = [r for r in stack.service.records if r.function == function.name]
    return sum("charged 1" in line for record in records for line in record.log)


async def test_lines_of_core_are_json_like_all_others_without_telemetry(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {
        "SCENARIO": "no telemetry",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    }
    record = await invoke(make_function("traced.quick_handler", env=env))
    assert record.status == "success"
    lines = [json.loads(line) for line in record.log if line.startswith("{")]
    assert any(line.get("logger") == "temporalio.core" for line in lines)
    # Core's own format begins with a time.
    assert [line for line in record.log if "temporalio_sdk_core" in line and line[0] != "{"] == []
