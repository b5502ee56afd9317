"""The report of an invocation, in each of Lambda's log formats."""

from __future__ import annotations

import json

import pytest

from tests.support.lambdas import Invoke, MakeFunction

SCENARIO = "lifecycle.lambda_handler"


async def test_report_is_an_object_under_lambdas_json_log_format(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, env={"AWS_LAMBDA_LOG_FORMAT": "JSON"}))
    line = next(line for line in record.log if '"temporal_lambda invocation"' in line)
    assert line.startswith("{")
    assert record.report
    assert record.report["request_id"] == record.request_id


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
async def test_report_is_one_line_of_cloudwatch_metrics_in_either_log_format(
    log_format: str, make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {
        "TEMPORAL_LAMBDA_CLOUDWATCH_METRICS": "true",
        "AWS_LAMBDA_LOG_FORMAT": log_format,
        "AWS_LAMBDA_LOG_LEVEL": "ERROR",
    }
    function = make_function(SCENARIO, env=env)
    record = await invoke(function)
    (line,) = [line for line in record.log if "temporal_lambda invocation" in line]
    members = json.loads(line)
    assert members["FunctionName"] == function.name
    assert members["TaskQueue"] == function.environment["QUEUE"]
    assert members["Duration"] <= record.duration_ms
    assert record.report == members["content"]


async def test_report_follows_lambdas_log_level(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, env={"AWS_LAMBDA_LOG_LEVEL": "WARN"}))
    assert record.status == "success"
    assert record.report is None
