"""Dashboards and alarms of the example show metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cfnlint.api import lint_file

from temporal_lambda.cloudwatch_metrics import NAMESPACE, UNITS
from temporal_lambda.otel.core_metrics import BUCKETS
from temporal_lambda.otel.report_metrics import ReportMetrics
from temporal_lambda.report import InvocationReport
from tests.support.meters import Meters

EXAMPLE = Path(__file__).parents[3] / "examples" / "telemetry"
SUFFIXES = {"ms": "_milliseconds", "s": "_seconds", "By": "_bytes"}


def in_prometheus() -> set[str]:
    """The names that Prometheus gives to what is sent, by OpenTelemetry's rules for it."""
    meters = Meters()
    report = {**InvocationReport("r", cold=True, init_ms=1.0).as_dict(), "duration_ms": 1.0}
    report |= {"busy_ms": 1.0, "idle_ms": 1.0, "peak_memory_mb": 1.0, "errors": ["no"]}
    ReportMetrics(meters.provider).record(report, "q")
    ReportMetrics(meters.provider).record({**report, "errors": []}, "q")
    names = set()
    for metric in meters.metrics():
        name = re.sub(r"\W", "_", metric.name) + SUFFIXES.get(metric.unit or "", "")
        is_counter = hasattr(metric.data, "is_monotonic")
        names.add(name + ("_total" if is_counter else "_bucket"))
    return names | {f"temporal_{name}_milliseconds_bucket" for name in BUCKETS}


def asked_for(text: str) -> set[str]:
    return set(re.findall(r"\b((?:temporal|faas)_\w+_(?:total|bucket))\b", text))


def test_grafana_and_prometheus_ask_for_metrics_that_are_sent() -> None:
    dashboard = (EXAMPLE / "grafana.json").read_text()
    alerts = (EXAMPLE / "alerts.yaml").read_text()
    assert len(asked_for(dashboard)) > 8
    assert len(asked_for(alerts)) > 4
    assert asked_for(dashboard + alerts) - in_prometheus() == set()
    assert len(json.loads(dashboard)["panels"]) == 6


def test_cloudwatch_asks_for_metrics_that_are_printed() -> None:
    text = (EXAMPLE / "cloudwatch.yaml").read_text()
    named = set(re.findall(rf'\["{NAMESPACE}", "(\w+)"', text))
    named |= set(re.findall(r"MetricName: (\w+)", text))
    assert named <= set(UNITS)
    assert {"Failures", "NeverEnded", "IdleTime", "Duration"} <= named
    body = text[text.index("DashboardBody: !Sub |") :].split("|", 1)[1]
    assert len(json.loads(body)["widgets"]) == 5


def test_cloudformation_accepts_the_template() -> None:
    assert [str(match) for match in lint_file(EXAMPLE / "cloudwatch.yaml")] == []
