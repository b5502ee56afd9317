"""What answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from temporal_lambda.dagster.launching import outcome
from temporal_lambda.dagster.launching.invoke import Answer


def answered(value: Any, **more: Any) -> Answer:
    return Answer(200, "id", payload=json.dumps(value).encode(), **more)


def body(code: Any, **content: Any) -> dict[str, Any]:
    return {"statusCode": code, "body": json.dumps(content)}


UNREADABLE: list[Any] = [True, 500.0, -500, 99, 600, "500 OK", "\u00b2", "", [200], {}]


@pytest.mark.parametrize(
    ("value", "kind", "result"),
    [
        (None, "success", None),
        ("text", "success", "text"),
        ({"copied": 3}, "success", {"copied": 3}),
        (body(200, status="success", result={"a": 1}), "success", {"a": 1}),
        (body(200, copied=3), "success", {"copied": 3}),
        ({"statusCode": 204}, "success", None),
        ({"statusCode": 200, "body": "plain"}, "success", "plain"),
        ({"statusCode": 200, "body": {"result": [1]}}, "success", [1]),
        ({"statusCode": None, "copied": 3}, "success", {"statusCode": None, "copied": 3}),
        *(({"statusCode": code, "body": "done"}, "failed", None) for code in UNREADABLE),
        (body(202, status="running", run_id="9d6c"), "running", None),
        (body(202, status="running"), "success", {"status": "running"}),
        (
            body(202, status="running", run_id="other"),
            "success",
            {"status": "running", "run_id": "other"},
        ),
        (body(202, status="running", workflow_id="w"), "failed", None),
        (body(202, status="running", run_id="other", workflow_id="w"), "failed", None),
        (body(202, queued=True), "success", {"queued": True}),
        (body(409, status="canceled", run_id="9d6c"), "canceled", None),
        (body(200, status="canceled", run_id="9d6c"), "canceled", None),
        (body(409, status="canceled"), "failed", None),
        (body(200, status="canceled"), "success", {"status": "canceled"}),
        (body(409, error="in use"), "failed", None),
        (body("404", error="gone"), "failed", None),
        (body(500), "failed", None),
    ],
)
def test_answers_and_what_they_mean(value: Any, kind: str, result: Any) -> None:
    found = outcome.interpret_answer(answered(value), "9d6c")
    assert (found.kind, found.result) == (kind, result)


def test_status_code_that_is_none_counts_only_where_status_codes_do() -> None:
    lenient = outcome.interpret_answer(
        answered({"statusCode": 500.0, "body": "done"}), "9d6c", fail_on_error_status=False
    )
    assert (lenient.kind, lenient.result) == ("success", "done")


def test_steps_of_a_run_that_succeeded_have_their_outputs_from_the_result() -> None:
    steps = [{"op": "a", "status": "success"}, {"op": "b", "status": "success"}, "no object"]
    results = {"a": [1], "b": "omitted: 9000000 bytes"}
    answer = body(200, run_id="9d6c", steps=steps, result={"results": results})
    first, second, third = outcome.interpret_answer(answered(answer), "9d6c").steps
    assert first["output"] == [1]
    assert second["output_omitted"] == "omitted: 9000000 bytes"
    assert third == "no object"


def test_steps_of_another_run_are_not_this_ones() -> None:
    answer = body(500, run_id="other", steps=[{"op": "a"}])
    assert outcome.interpret_answer(answered(answer), "9d6c").steps == ()


def test_function_that_can_not_be_asked_again_says_how_it_could() -> None:
    found = outcome.interpret_answer(
        answered(body(202, status="running", workflow_id="dagster-w")), "9d6c"
    )
    assert "can be asked again only with payload_mode full" in found.message
    assert "dagster-w" in found.message


def test_error_of_an_answer_is_reported_as_far_as_there_is_one() -> None:
    prefix = "the function answered with status 500: "
    for value, error in (
        (body(500, error="no bucket"), "no bucket"),
        (body(500, error={"code": 7}), '{"code": 7}'),
        ({"statusCode": 500, "body": "no bucket"}, "no bucket"),
        ({"statusCode": 500}, "null"),
    ):
        assert outcome.interpret_answer(answered(value), "9d6c").message == prefix + error


def test_function_error_that_is_no_json_is_still_reported() -> None:
    found = outcome.interpret_answer(
        Answer(200, "id", payload=b"killed", function_error="Unhandled"), "9d6c"
    )
    assert (found.kind, found.message) == ("failed", "the function failed: Unhandled: killed")


def test_words_of_a_function_are_cut_and_made_storable() -> None:
    error = {
        "errorType": ["odd"],
        "errorMessage": "caf\udce9" * 100_000,
        "stackTrace": [{"odd": 1}, *["line"] * 100_000],
    }
    found = outcome.interpret_answer(answered(error, function_error="Unhandled"), "9d6c")
    assert found.kind == "failed"
    assert len(found.message) < 11_000
    assert "(400000 characters in all)" in found.message
    assert len(found.stack) == outcome.MAX_STACK + 1
    assert found.stack[-1] == f"... and {100_001 - outcome.MAX_STACK} more lines"
    assert "\udce9" not in found.message
    found = outcome.interpret_answer(answered(body(500, error={"a": "x" * 20_000})), "9d6c")
    assert len(found.message) < 11_000
    found = outcome.interpret_answer(
        answered(body(202, status="running", run_id="9d6c", pinned_to=[1], workflow_id={})), "9d6c"
    )
    assert (found.kind, found.pinned_to, found.workflow_id) == ("running", None, None)
