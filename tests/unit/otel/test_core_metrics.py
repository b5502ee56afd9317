"""Core's metrics on their way to a meter provider."""

from __future__ import annotations

import gc
import re
import urllib.request
from typing import Any

import pytest
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from temporalio.runtime import MetricBuffer, PrometheusConfig, Runtime, TelemetryConfig

from temporal_lambda.local.ports import free_port
from temporal_lambda.otel.core_metrics import BUCKETS, CoreMetrics, buckets_of
from tests.support.meters import Meters


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
    metrics.settle()
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
        metrics.settle()
        gc.collect(1)  # Enough for what was just made; a full one walks all imported modules.
        assert meters.read()["level", who] == number
    counts = {key: value for key, value in meters.read().items() if key[0] != "level"}
    assert counts == expected


def test_gauges_say_what_was_used_while_the_worker_lived(core: Any, meters: Meters) -> None:
    """When it has closed, nothing is used any more; that would be all they ever say."""
    runtime, buffer = core
    metrics = CoreMetrics(buffer, meters.provider)
    used = runtime.metric_meter.create_gauge("worker_task_slots_used")
    available = runtime.metric_meter.create_gauge("worker_task_slots_available")
    for level in (1, 4, 2, 0):
        used.set(level)
        available.set(10 - level)
        metrics.drain()
    metrics.settle()
    read = meters.read()
    assert read["worker_task_slots_used", ""] == 4
    assert read["worker_task_slots_available", ""] == 6
    used.set(1)
    metrics.drain()
    metrics.settle()
    assert meters.read()["worker_task_slots_used", ""] == 1


def test_bounds_of_histograms_are_cores_own() -> None:
    """Core exports them to Prometheus by itself, without any of our code."""
    port = free_port()
    runtime = Runtime(
        telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{port}"))
    )
    names = [f"temporal_{name}" for name in (*BUCKETS, "request_latency")]
    for name in names:
        runtime.metric_meter.create_histogram(name, unit="ms").record(1)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    for name in names:
        bounds = re.findall(rf'^{name}_bucket{{.*?le="([\d.]+)"', text, re.M)
        assert [float(bound) for bound in bounds] == list(buckets_of(name, "ms") or ()), name


def test_view_of_the_users_has_the_last_word_about_bounds(core: Any) -> None:
    view = View(
        instrument_name="temporal_workflow_*",
        aggregation=ExplicitBucketHistogramAggregation([1.0, 2.0]),
    )
    runtime, buffer = core
    for views, bounds in (
        ([], buckets_of("workflow_endtoend_latency", "ms")),
        ([view], (1.0, 2.0)),
    ):
        meters = Meters(views)
        metrics = CoreMetrics(buffer, meters.provider)
        runtime.metric_meter.create_histogram(
            "temporal_workflow_endtoend_latency", unit="ms"
        ).record(1)
        metrics.drain()
        (point,) = meters.points()
        assert point.explicit_bounds == tuple(bounds or ())
