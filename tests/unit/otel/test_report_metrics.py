"""Metrics made of the reports of invocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from temporal_lambda.otel.report_metrics import ReportMetrics
from temporal_lambda.report import InvocationReport
from tests.support.meters import Meters


def report(name: str, *, cold: bool = False, duration_ms: float = 10.0) -> dict[str, Any]:
    made = InvocationReport(name, cold, stop_reason="idle")
    made.count({"activity": 1}, 0.25)
    return {**made.as_dict(), "duration_ms": duration_ms}


def test_report_becomes_metrics() -> None:
    meters = Meters()
    metrics = ReportMetrics(meters.provider)
    metrics.record({**report("r", duration_ms=1000.2), "abandoned": [{"hook": "h"}]}, "orders")
    metrics.record({**report("s"), "busy_ms": None, "stop_reason": "deadline"}, "orders")
    values = {name: value for (name, _), value in meters.read().items()}
    assert values["temporal_lambda.billed_duration"] == 1011
    assert values["temporal_lambda.busy_time"] == 250
    assert values["temporal_lambda.abandoned"] == 1
    assert values["temporal_lambda.never_ended"] == 0
    assert values["temporal_lambda.invocations"] == 1  # for each outcome


def test_metrics_of_the_conventions_are_what_faas_dashboards_look_for() -> None:
    meters = Meters()
    metrics = ReportMetrics(meters.provider)
    metrics.record({**report("r", cold=True), "init_ms": 480.0, "peak_memory_mb": 80.0}, "orders")
    metrics.record({**report("s"), "errors": ["work: E: no"]}, "orders")
    values = {name: value for (name, _), value in meters.read().items()}
    assert values["faas.invocations"] == values["faas.errors"] == values["faas.coldstarts"] == 1
    assert values["faas.invoke_duration"] == 2
    assert values["faas.init_duration"] == values["faas.mem_usage"] == 1
    found = {metric.name: metric for metric in meters.metrics()}
    (duration,) = found["faas.invoke_duration"].data.data_points
    assert found["faas.invoke_duration"].unit == "s"
    assert duration.attributes == {"faas.trigger": "other", "task_queue": "orders"}
    assert duration.sum == 0.02  # type: ignore[union-attr] # A histogram's point.
    assert max(duration.explicit_bounds) == 900  # type: ignore[union-attr]
    (memory,) = found["faas.mem_usage"].data.data_points
    assert memory.sum == 80 * 1024 * 1024  # type: ignore[union-attr]


def test_invocation_that_never_ended_is_counted_by_the_one_that_found_it() -> None:
    meters = Meters()
    metrics = ReportMetrics(meters.provider)
    metrics.record({**report("r", cold=True), "never_ended": {"request_id": "killed"}}, "orders")
    assert meters.read()["temporal_lambda.never_ended", ""] == 1


def test_every_metric_is_in_the_reference() -> None:
    meters = Meters()
    metrics = ReportMetrics(meters.provider)
    known = {"init_ms": 1.0, "peak_memory_mb": 80.0}
    killed = {"never_ended": {"request_id": "killed"}}
    metrics.record({**report("r", cold=True), **known, **killed}, "orders")
    metrics.record({**report("s"), "errors": ["work: E: no"]}, "orders")
    made = {name for name, _ in meters.read()}
    text = (Path(__file__).parents[3] / "docs" / "telemetry-reference.md").read_text()
    assert len(made) >= 12
    assert [name for name in made if f"`{name}`" not in text] == []
