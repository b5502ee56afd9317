"""Handlers that are called directly, with the context of Lambda's runtime."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda.local import LocalStackError
from temporal_lambda.process import is_lambda
from temporal_lambda.report import INVOCATION, InvocationReport, log_line
from temporal_lambda.testing import Report, invoke_handler


def report(context: Any, **fields: Any) -> None:
    log_line(INVOCATION, {**InvocationReport(context.aws_request_id, True).as_dict(), **fields})


def test_context_is_lambdas_own_with_a_deadline() -> None:
    def handler(event: Any, context: Any) -> Any:
        assert not is_lambda()
        assert context.function_name == "under-test" == os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        assert context.invoked_function_arn.endswith(":function:under-test")
        return event, context.get_remaining_time_in_millis()

    run = invoke_handler(handler, timeout=timedelta(seconds=5))
    event, left = run.result
    assert event == {}
    assert 4_000 < left <= 5_000
    assert "AWS_LAMBDA_FUNCTION_NAME" not in os.environ


@pytest.mark.parametrize("form", ["Text", "JSON"])
def test_report_is_an_object_in_either_log_format(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", form)

    def handler(event: Any, context: Any) -> None:
        report(context, stop_reason="idle", tasks={"workflow": 2}, errors=["hook: x"])

    found = invoke_handler(handler).report
    assert (found.stop_reason, found.count("workflow"), found.count("nexus")) == ("idle", 2, 0)
    assert found.errors == ("hook: x",)


def test_error_is_raised_or_kept() -> None:
    def handler(event: Any, context: Any) -> None:
        report(context)
        raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"):
        invoke_handler(handler)
    run = invoke_handler(handler, check=False)
    assert isinstance(run.error, ValueError)
    assert run.report.cold


def test_handler_without_a_report_is_one_clear_error() -> None:
    run = invoke_handler(lambda event, context: None)
    with pytest.raises(LocalStackError, match="has logged no report"):
        _ = run.report


def test_report_has_the_fields_that_are_logged() -> None:
    logged = InvocationReport("1", True).as_dict()
    assert set(Report.__dataclass_fields__) == set(logged)
    assert Report.of({**logged, "of_a_later_version": 1}).request_id == "1"
