"""Texts that leave the function: bounded, and redacted wherever they leave."""

from __future__ import annotations

import json
import logging

import pytest

from temporal_lambda import LambdaWorkerConfig, SettingsError
from temporal_lambda.outgoing import LONGEST, cut, redacted
from temporal_lambda.report import InvocationReport, shortened
from tests.support.configurations import completed

CLOUDWATCH = 256 * 1024


def test_long_text_is_cut_and_says_so() -> None:
    text = cut("x" * 5_000_000)
    assert len(text) < LONGEST + 50
    assert text.endswith("... (5000000 characters)")


def test_text_whose_redaction_fails_does_not_leave() -> None:
    def fails(text: str) -> str:
        raise KeyError(text)

    assert redacted("card 4111", fails) == "(redact failed: KeyError)"
    assert redacted("card 4111", lambda text: None) == "(redact returned a NoneType)"  # type: ignore[arg-type, return-value]


def test_report_has_what_may_leave_and_no_more() -> None:
    report = InvocationReport(
        "r", cold=False, redaction=lambda: lambda text: text.replace("4", "*")
    )
    report.failed(ValueError("card 4111"), "work")
    report.abandoned.append({"activity": "charge", "workflow_id": "card-4111", "attempt": 4})
    content = report.as_dict()
    assert content["errors"] == ["work: ValueError: card *111"]
    assert content["abandoned"] == [
        {"activity": "charge", "workflow_id": "card-*111", "attempt": 4}
    ]


@pytest.mark.parametrize("prints", [False, True], ids=["log", "metrics"])
def test_line_is_no_longer_than_cloudwatch_takes(
    prints: bool, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    report = InvocationReport("r", cold=False)
    for _ in range(200):
        report.failed(RuntimeError("x" * 300_000), "work")
        report.abandoned += [{"activity": "a" * 50_000, "workflow_id": "w" * 1_000}] * 10
    report.measure(1.0)
    report.print_metrics("orders") if prints else report.log()
    line = capsys.readouterr().out if prints else caplog.records[0].getMessage()
    assert len(line.encode()) < CLOUDWATCH
    assert "180 more errors" in line
    if prints:
        # The metrics count what the line has no room for.
        assert json.loads(line)["Abandoned"] == 2_000


def test_short_report_is_left_as_it_is() -> None:
    report = InvocationReport("r", cold=True)
    report.failed(ValueError("no"), "work")
    assert shortened(report.as_dict()) == report.as_dict()


def test_what_is_no_function_is_refused() -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.redact = "4111"  # type: ignore[assignment] # The mistake this is about.

    with pytest.raises(SettingsError, match="redact must be None or a function"):
        completed(change)
