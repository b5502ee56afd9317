"""The report as CloudWatch's Embedded Metric Format."""

from __future__ import annotations

import json

import pytest

from temporal_lambda.cloudwatch_metrics import UNITS
from temporal_lambda.report import INVOCATION, InvocationReport, find_line


def printed(report: InvocationReport, capsys: pytest.CaptureFixture[str]) -> str:
    report.print_metrics("greetings")
    (line,) = capsys.readouterr().out.splitlines()
    return line


def report_with_tasks() -> InvocationReport:
    report = InvocationReport("id-1", cold=True, stop_reason="idle")
    report.count({"workflow": 2, "activity": 1}, busy_seconds=0.25)
    report.measure(1.5)
    return report


def test_line_is_the_report_and_defines_a_metric_for_each_number_at_its_root(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "greeting")
    report = report_with_tasks()
    line = printed(report, capsys)
    assert find_line(INVOCATION, line) == report.as_dict()
    members = json.loads(line)
    (definition,) = members["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"]: metric["Unit"] for metric in definition["Metrics"]} == UNITS
    assert all(isinstance(members[name], int | float) for name in UNITS)
    assert [[members[name] for name in names] for names in definition["Dimensions"]] == [
        ["greeting"],
        ["greeting", "greetings"],
    ]
    assert members["_aws"]["Timestamp"] > 1_700_000_000_000
    assert (members["WorkflowTasks"], members["BusyTime"], members["Duration"]) == (2, 250.0, 1500)


def test_what_was_not_counted_is_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    members = json.loads(printed(InvocationReport("id", cold=False), capsys))
    (definition,) = members["_aws"]["CloudWatchMetrics"]
    names = {metric["Name"] for metric in definition["Metrics"]}
    assert names == {"Invocations", "ColdStarts", "Failures", "Abandoned"}
    assert members["FunctionName"] == "unknown"
