"""A collector that is not there, refuses or is silent costs its share and one warning."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.ports import free_port
from temporal_lambda.otel.exporters import MetricExporter, SpanExporter
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.variables import Destination
from tests.support.fault_scenario import PROMISED_MS
from tests.support.lambdas import Deploy, Invoke, MakeFunction, events
from tests.support.otlp import receiving, silence
from tests.support.proxy import Proxy
from tests.support.waiting import until

TIME_TO_FLUSH = {"TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "10s"}
"""So that the flush has its 2 s, also if the drain before it takes one or two."""


@pytest.fixture(params=["absent", "refusing", "silent"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "silent":
            yield stack.enter_context(silence())
        elif request.param == "refusing":
            receiver = stack.enter_context(receiving())
            receiver.refusal = grpc.StatusCode.RESOURCE_EXHAUSTED
            yield receiver.endpoint
        else:
            yield f"http://127.0.0.1:{free_port()}"


def complaints(records: list[InvocationRecord]) -> list[str]:
    """Lines of warnings and errors."""
    return [
        line
        for record in records
        for line in record.log
        if line.startswith(("[WARNING]", "[ERROR]")) or "Traceback" in line
    ]


async def test_deadline_holds_and_one_warning_is_written(
    endpoint: str, make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "60s",
        "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "300ms",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
    }
    function = make_function("traced.lambda_handler", seconds=4, env=env)
    records = [await invoke(function), await invoke(function)]
    for record in records:
        assert record.status == "success"
        assert record.report
        assert record.report["stop_reason"] == "deadline"
        assert record.report["abandoned"] == record.report["errors"] == []
        assert record.duration_ms < 4_000 - PROMISED_MS
        # What comes after the flush.
        assert any(event.startswith("threads") for event in events(record))
    (line,) = [line for line in complaints(records) if "leaves less than 5s" not in line]
    assert "telemetry may be lost: the collector at" in line
    assert endpoint in line


@pytest.mark.alone
async def test_provider_of_somebody_else_whose_collector_is_silent_is_one_warning_of_ours(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    with silence() as endpoint:
        env = {
            "SCENARIO": "global provider",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_METRICS_EXPORTER": "none",
            **TIME_TO_FLUSH,
        }
        function = make_function("traced.quick_handler", seconds=20, env=env)
        records = [await invoke(function) for _ in range(3)]
    hooks = [record.report["phases_ms"]["hooks"] for record in records if record.report]
    assert {record.status for record in records} == {"success"}
    assert 1_000 < hooks[0] < 2_500
    assert all(spent < 50 for spent in hooks[1:])
    (line,) = [line for line in complaints(records) if "tuner" not in line]
    assert "telemetry may be lost: the collector at the tracer provider's endpoint" in line


async def test_stuck_activity_and_a_silent_collector_together(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    with silence() as endpoint:
        function = make_function(
            "traced.lambda_handler", seconds=5, env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        )
        deployed = await deploy(function)
        await stack.client.start_workflow(
            "Stuck",
            args=["stuck", 14.0],
            id=f"stuck-{uuid.uuid4().hex[:8]}",
            task_queue=deployed.task_queue,
        )
        record = await stack.service.wait_for_record(
            lambda r: r.function == function.name and bool(r.report and r.report["abandoned"]),
            30,
        )
    assert record.status == "success"
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert record.report
    assert [next(iter(entry)) for entry in record.report["abandoned"]] == ["activity"]


async def test_connection_whose_peer_vanished_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody resets it: it takes bytes and never answers."""
    health = Health({})
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("span")
    assert isinstance(span, ReadableSpan)
    with receiving() as receiver:
        async with Proxy(f"127.0.0.1:{receiver.port}") as proxy:
            endpoint = f"http://{proxy.address}"
            spans = SpanExporter(Destination(endpoint, "grpc"), 0.5, health)
            metrics = MetricExporter(Destination(endpoint, "grpc"), 0.5, health)
            reader = PeriodicExportingMetricReader(metrics, math.inf)
            meters = MeterProvider([reader], shutdown_on_exit=False)
            meters.get_meter("test").create_counter("count").add(1)

            async def export() -> None:
                await asyncio.to_thread(spans.export, [span])

            async def measure() -> None:
                await asyncio.to_thread(meters.force_flush)

            await export()
            await measure()
            assert (len(receiver.named("span")), receiver.total("count")) == (1, 1)
            proxy.swallow()
            # In a row: the other exporter still has its connection.
            await export()
            assert (set(health.reasons), len(receiver.named("span"))) == ({"spans"}, 1)
            await export()
            assert (set(health.reasons), len(receiver.named("span"))) == (set(), 2)
            await measure()
            assert set(health.reasons) == {"metrics"}
            await measure()
            assert not health.reasons
            await asyncio.to_thread(meters.shutdown)
            spans.shutdown()
    assert caplog.records == []


async def test_slow_collector_delays_nothing_but_the_flush(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    with silence() as endpoint:
        function = make_function(
            "traced.quick_handler",
            seconds=20,
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **TIME_TO_FLUSH},
        )
        records = [await invoke(function) for _ in range(4)]
    hooks = [record.report["phases_ms"]["hooks"] for record in records if record.report]
    assert 1_000 < hooks[0] < 2_500
    # From then on nobody waits; ``bench telemetry`` says how little is left.
    assert all(spent < 500 for spent in hooks[1:])
    assert len([line for line in complaints(records) if "telemetry may be lost" in line]) == 1


@pytest.mark.alone
async def test_collector_that_comes_back_gets_what_follows(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    with receiving() as receiver:
        receiver.refusal = grpc.StatusCode.PERMISSION_DENIED
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
        }
        function = make_function("traced.quick_handler", env=env)
        lost = await invoke(function)
        lines = [line for line in lost.log if "telemetry may be lost" in line]
        assert "PERMISSION_DENIED" in lines[0]
        receiver.refusal = None
        # Nobody waits for what this one sends; the next one finds that it has arrived.
        behind = await invoke(function)
        back = await invoke(function)
        assert not any("accepts telemetry again" in line for line in behind.log)
        assert any("accepts telemetry again" in line for line in back.log)
        await until(lambda: receiver.of_request(behind.request_id))
        await until(lambda: receiver.of_request(back.request_id))
        # Counters lose nothing.
        assert receiver.total("temporal_worker_start") == 3
