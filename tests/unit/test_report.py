"""One line per invocation, in both of Lambda's log formats."""

from __future__ import annotations

import json
import logging

import pytest

from temporal_lambda import report as module
from temporal_lambda.report import INVOCATION, InvocationReport, find_line


def test_text_line_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    report = InvocationReport("id-1", cold=True, stop_reason="idle")
    report.log()
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert find_line(INVOCATION, "[INFO]\tid-1\t" + record.getMessage()) == report.as_dict()


def test_json_line_is_an_object(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    report = InvocationReport(None, cold=False)
    report.log()
    (record,) = caplog.records
    line = json.dumps({"message": record.getMessage(), "content": record.__dict__["content"]})
    assert find_line(INVOCATION, line) == report.as_dict()


@pytest.mark.parametrize(
    "line", ["", "temporal_lambda invocation", "temporal_lambda invocation []", "{"]
)
def test_other_lines_hold_no_report(line: str) -> None:
    assert find_line(INVOCATION, line) is None


def test_level_chosen_in_lambda_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    module.logger.setLevel(logging.NOTSET)
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "ERROR")
    InvocationReport("id", cold=True).log()
    assert module.logger.level == logging.NOTSET


def test_report_tells_duration_and_memory() -> None:
    report = InvocationReport("id", cold=True)
    report.measure(1.25)
    assert report.duration_ms == 1250
    assert report.memory_mb
    assert report.peak_memory_mb
    assert 1 < report.memory_mb <= report.peak_memory_mb


def test_phase_is_measured_on_every_path_out_of_it() -> None:
    times = iter([1.0, 3.5])
    report = InvocationReport("id", cold=True)
    with pytest.raises(KeyError), report.phase("work", lambda: next(times)):
        raise KeyError
    assert report.phases == {"work": 2500.0}
    report.leave_phase("work", lambda: 99.0)
    assert report.phases == {"work": 2500.0}


def test_idle_time_is_the_work_phase_without_the_busy_time() -> None:
    report = InvocationReport("id", cold=True, phases={"work": 1000.0})
    report.count({"activity": 1}, busy_seconds=0.25)
    assert (report.busy_ms, report.idle_ms) == (250.0, 750.0)


@pytest.mark.parametrize(
    ("stop_reason", "idle_ms"), [("idle", 51_000.0), ("deadline", 900.0), ("deadline", None)]
)
def test_little_idling_or_one_that_was_wanted_is_no_reason_for_advice(
    stop_reason: str, idle_ms: float | None
) -> None:
    report = InvocationReport(None, cold=True, stop_reason=stop_reason, idle_ms=idle_ms)
    assert not report.advise()
    assert report.as_dict()["advice"] is None
