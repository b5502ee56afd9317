"""Core's metrics on their way to a meter provider, and those made of the report."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from temporal_lambda.otel.metrics import CoreMetrics, ReportMetrics
from temporal_lambda.report import InvocationReport


class Meters:
    """A meter provider that can be asked."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def read(self) -> dict[tuple[str, str], float]:
        """Values by metric and by the attribute ``who``."""
        data = self._reader.get_metrics_data()
        return {
            (metric.name, str((point.attributes or {}).get("who", ""))): _value(point)
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }


def _value(point: Any) -> float:
    return float(point.count if hasattr(point, "count") else point.value)


@pytest.fixture
def meters() -> Meters:
    return Meters()


@pytest.fixture(scope="module")
def core() -> tuple[Runtime, MetricBuffer]:
    buffer = MetricBuffer(10_000)
    return Runtime(telemetry=TelemetryConfig(metrics=buffer)), buffer


def test_counters_histograms_and_gauges_arrive(core: Any, meters: Meters) -> None:
    runtime, buffer = core
    metrics = CoreMetrics(buffer, meters.provider)
    meter = runtime.metric_meter
    meter.create_counter("count").add(2, {"who": "a"})
    meter.create_histogram("spread").record(7, {"who": "a"})
    meter.create_gauge("level").set(3, {"who": "a"})
    metrics.drain()
    assert meters.read() == {("count", "a"): 2, ("spread", "a"): 1, ("level", "a"): 3}


def test_metrics_of_one_worker_after_the_other_are_not_mixed_up(core: Any, meters: Meters) -> None:
    """Core frees what belongs to a worker, and its successors get the addresses."""
    runtime, buffer = core
    metrics = CoreMetrics(buffer, meters.provider)
    expected: dict[tuple[str, str], float] = {}
    for number in range(60):
        name, who = f"count_{number % 3}", f"worker-{number % 5}"
        meter = runtime.metric_meter.with_additional_attributes({"who": who})
        meter.create_counter(name).add(number)
        meter.create_gauge("level").set(number)
        expected[name, who] = expected.get((name, who), 0) + number
        del meter
        metrics.drain()
        gc.collect(1)  # Enough for what was just made; a full one walks all imported modules.
        assert meters.read()["level", who] == number
    counts = {key: value for key, value in meters.read().items() if key[0] != "level"}
    assert counts == expected


def test_report_becomes_metrics(meters: Meters) -> None:
    metrics = ReportMetrics(meters.provider)
    report = InvocationReport("r", cold=True, stop_reason="idle")
    report.count({"activity": 1}, 0.25)
    report.abandoned.append({"hook": "h"})
    metrics.record({**report.as_dict(), "duration_ms": 1000.2}, "orders")
    metrics.record({**InvocationReport("s", cold=False).as_dict(), "duration_ms": 10.0}, "orders")
    values = {name: value for (name, _), value in meters.read().items()}
    assert values["temporal_lambda.billed_duration"] == 1011
    assert values["temporal_lambda.busy_time"] == 250
    assert values["temporal_lambda.abandoned"] == 1
    assert values["temporal_lambda.invocations"] == 1  # for each outcome
