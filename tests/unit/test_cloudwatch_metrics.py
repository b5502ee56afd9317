"""The report as CloudWatch's Embedded Metric Format."""

from __future__ import annotations

import json

import pytest

from temporal_lambda import LambdaWorkerConfig, SettingsError
from temporal_lambda.cloudwatch_metrics import (
    DIMENSIONS,
    IF_ANY,
    UNITS,
    Shape,
    dimension_sets,
    dimension_value,
)
from temporal_lambda.report import INVOCATION, InvocationReport, find_line
from tests.support.configurations import completed


def printed(
    report: InvocationReport, capsys: pytest.CaptureFixture[str], shape: Shape | None = None
) -> str:
    report.print_metrics("greetings", shape or Shape())
    (line,) = capsys.readouterr().out.splitlines()
    return line


def report_with_tasks() -> InvocationReport:
    report = InvocationReport("id-1", cold=True, stop_reason="idle", init_ms=480.0)
    report.never_ended = {"request_id": "id-0"}
    report.count({"workflow": 2, "activity": 1, "local_activity": 3, "nexus": 4}, busy_seconds=0.25)
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


def test_what_did_not_happen_is_no_metric_where_each_has_a_price(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = report_with_tasks()
    report.never_ended = None
    report.count({"workflow": 2, "activity": 0, "local_activity": 0, "nexus": 0}, 0.25)
    members = json.loads(printed(report, capsys))
    assert members["ActivityTasks"] == 0
    assert not set(IF_ANY) & set(members)


def test_namespace_and_dimensions_are_the_users(capsys: pytest.CaptureFixture[str]) -> None:
    shape = Shape("shop/parcels", "Stage=prod; Stage=prod, TaskQueue")
    members = json.loads(printed(report_with_tasks(), capsys, shape))
    (definition,) = members["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "shop/parcels"
    assert definition["Dimensions"] == [["Stage"], ["Stage", "TaskQueue"]]
    assert (members["Stage"], members["TaskQueue"]) == ("prod", "greetings")
    assert "FunctionName" not in members


@pytest.mark.parametrize("text", ["größe-注文", " ", "q" * 2_000, "a\nb", ":first", "\ud800"])
def test_any_task_queue_makes_a_value_that_cloudwatch_takes(text: str) -> None:
    value = dimension_value(text)
    assert 1 <= len(value) <= 1024
    assert value.isascii()
    assert value.isprintable()
    assert not value.startswith(":")
    assert value.strip()


def test_number_that_json_does_not_have_is_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_with_tasks()
    report.init_ms = float("nan")
    members = json.loads(printed(report, capsys))
    assert "InitDuration" not in members


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one set"),
        ("FunctionNames", "found 'FunctionNames'"),
        ("Stage=", "found 'Stage='"),
        ("größe=1", "found 'größe=1'"),
        ("Duration=1", "is a metric"),
        (",".join(f"N{number}=1" for number in range(31)), "at most 30"),
    ],
)
def test_wrong_dimensions_are_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dimension_sets(text)

    def change(config: LambdaWorkerConfig) -> None:
        config.cloudwatch_dimensions = text

    with pytest.raises(SettingsError, match="cloudwatch_dimensions must be sets of dimensions"):
        completed(change)


@pytest.mark.parametrize("name", ["", " ", "AWS/Lambda", "größe", "n" * 256])
def test_namespace_that_cloudwatch_refuses_is_refused_here(name: str) -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.cloudwatch_namespace = name

    with pytest.raises(SettingsError, match="cloudwatch_namespace must be a namespace"):
        completed(change)


def test_default_of_the_setting_is_two_sets() -> None:
    assert len(dimension_sets(DIMENSIONS)) == 2
