"""What became of each op of a run, as an answer has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from temporal_lambda.dagster.serving.answer import MAX_ANSWER_BYTES, Answers
from temporal_lambda.dagster.serving.op_failure import OF_THE_OP
from temporal_lambda.dagster.serving.step_report import (
    MAX_OUTPUT_CHARACTERS,
    MAX_STEPS_CHARACTERS,
    Step,
    StepsTold,
    describe_error,
    steps_as_json,
)
from temporal_lambda.tracking.activities import invocation_ended


def report(output: Any = None, **more: Any) -> dict[str, Any]:
    return {"output": output, "start": 1.0, "end": 3.5, "logs": [], **more}


def begun(op: str = "load", attempt: int = 1) -> Step:
    step = Step(op)
    step.begin(attempt, 1.0)
    return step


def test_step_has_its_times_output_and_nothing_that_it_does_not_have() -> None:
    step = begun()
    step.succeed(report([1, 2]), 9.0)
    assert steps_as_json([step]) == [
        {
            "op": "load",
            "status": "success",
            "attempt": 1,
            "start": 1.0,
            "end": 3.5,
            "output": [1, 2],
        }
    ]


@pytest.mark.parametrize("output", [0, False, [], {}, ""])
def test_empty_output_is_an_output(output: Any) -> None:
    step = begun()
    step.succeed(report(output), 9.0)
    (told,) = steps_as_json([step])
    assert told["output"] == output


def test_op_that_has_not_begun_is_no_step() -> None:
    assert steps_as_json([Step("load")]) == []


def test_failed_step_has_error_and_log_lines() -> None:
    step = begun(attempt=2)
    detail = {OF_THE_OP: report(logs=[{"time": 2.0, "level": "INFO", "message": "so far"}])}
    step.fail(ApplicationError("no table", detail, type="Missing"), 9.0)
    (told,) = steps_as_json([step])
    assert (told["status"], told["attempt"], told["end"]) == ("failure", 2, 3.5)
    assert (told["error"]["type"], told["error"]["message"]) == ("Missing", "no table")
    assert told["logs"][0]["message"] == "so far"


def test_attempt_that_is_repeated_is_told_with_its_error() -> None:
    step = begun()
    step.fail_attempt(ValueError("no luck"), 2.0)
    assert step.status == "retrying"
    step.begin(2, 5.0)
    (told,) = steps_as_json([step])
    assert (told["status"], told["attempt"], told["start"]) == ("running", 2, 5.0)
    (earlier,) = told["earlier"]
    assert (earlier["attempt"], earlier["end"], earlier["error"]["type"]) == (1, 2.0, "ValueError")


def test_attempt_that_its_invocations_end_cut_off_has_no_stack() -> None:
    try:
        raise invocation_ended()
    except ApplicationError as error:
        told = describe_error(error)
    assert told["message"] == "the Lambda invocation ended before the activity did"
    assert told["stack"] == []


def test_what_an_output_says_of_assets_counts_like_what_the_op_reported() -> None:
    step = begun()
    output = {
        "materializations": [{"asset_key": "shop/orders"}, "no object"],
        "asset_checks": [{"asset_key": "shop/orders", "check_name": "full", "passed": True}],
        "observations": "none",
    }
    reported = {"kind": "observation", "asset_key": "shop/prices"}
    step.succeed(report(output, events=[reported]), 9.0)
    assert [one["kind"] for one in step.events] == ["observation", "materialization", "asset_check"]


def test_long_output_is_left_out_with_a_word() -> None:
    step = begun()
    step.succeed(report("a" * MAX_OUTPUT_CHARACTERS), 9.0)
    (told,) = steps_as_json([step])
    assert "output" not in told
    assert told["output_omitted"] == f"it has {MAX_OUTPUT_CHARACTERS + 2} characters"


def test_steps_have_a_bound_and_say_what_was_left_out() -> None:
    steps = []
    for number in range(100):
        step = begun(f"op{number}")
        line = {"time": 1.0, "level": "INFO", "message": "m" * 1000}
        step.succeed(report("o" * 10_000, logs=[line] * 50, logs_left_out=3), 9.0)
        steps.append(step)
    told = steps_as_json(steps)
    assert len(json.dumps(told)) <= MAX_STEPS_CHARACTERS
    assert len(told) == 100
    assert told[0]["logs_left_out"] == 53
    assert told[0]["output"] == "o" * 10_000


def test_answer_with_large_results_and_steps_is_one_that_lambda_returns() -> None:
    step = begun("big")
    step.succeed(report("b" * 5_900_000, metadata={"text": "m" * 500_000}), 9.0)
    results = {"big": "b" * 5_900_000, "small": 1}
    answer = Answers("respond").success({"ops_processed": 2, "results": results}, StepsTold([step]))
    assert len(json.dumps(answer)) <= MAX_ANSWER_BYTES
    body = json.loads(answer["body"])
    assert body["result"]["results"]["small"] == 1
    assert body["steps"][0]["op"] == "big"
