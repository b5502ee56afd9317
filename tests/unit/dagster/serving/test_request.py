"""Events -> requests."""

from __future__ import annotations

from typing import Any

import pytest

from temporal_lambda.dagster.serving.request import (
    MAX_OPS,
    OpRequest,
    parse_event,
    recognize_mode,
)
from temporal_lambda.errors import PayloadError

FULL: dict[str, Any] = {
    "dagster_run": {"run_id": "8f1c", "job_name": "etl"},
    "run_config": {"ops": {}},
}


@pytest.mark.parametrize(
    ("event", "mode"),
    [
        (FULL, "full"),
        ({"dagster_run": {}}, "full"),
        ({"ops": {}}, "config_only"),
        ({"ops": {}, "resources": {}, "loggers": {}}, "config_only"),
        ({"ops": {}, "table": "t"}, "custom"),
        ({"ops": ["a"]}, "custom"),
        ({"copy": {"config": {}}}, "ops_only"),
        ({"copy": {"config": {}}, "tell": {"inputs": {}}}, "ops_only"),
        ({"copy": {}}, "custom"),
        ({"copy": {"config": {}, "retries": 1}}, "custom"),
        ({"config": {"a": 1}}, "custom"),
        ({"table": "t"}, "custom"),
        (["a"], "custom"),
        ("text", "custom"),
        (0, "custom"),
    ],
    ids=str,
)
def test_mode_is_recognized_by_the_shape(event: Any, mode: str) -> None:
    assert recognize_mode(event) == mode


@pytest.mark.parametrize("event", [{}, None, [], ""], ids=repr)
def test_empty_event_asks_for_nothing(event: Any) -> None:
    with pytest.raises(PayloadError, match="the event is empty"):
        recognize_mode(event)


def test_pinned_mode_beats_a_look_alike() -> None:
    assert parse_event(FULL, "custom").ops == {"": OpRequest(FULL)}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ([1], "a payload of mode full is an object; got a list"),
        ({"dagster_run": 1}, "the payload must have dagster_run, an object; got a int"),
        ({"dagster_run": {}}, "dagster_run.run_id must be text"),
        ({"dagster_run": {"run_id": "a/b"}}, "dagster_run.run_id must be text"),
        ({"dagster_run": {"run_id": "a" * 129}}, "dagster_run.run_id must be text"),
        ({"dagster_run": {"run_id": "a", "job_name": 1}}, "dagster_run.job_name must be text"),
        ({"dagster_run": {"run_id": "a", "tags": {"a": 1}}}, "must have run_config"),
        (
            {"dagster_run": {"run_id": "a", "tags": {"a": 1}}, "run_config": {}},
            "dagster_run.tags must be an object of texts",
        ),
        (
            {"dagster_run": {"run_id": "a", "step_selection": "a"}, "run_config": {}},
            "dagster_run.step_selection must be a list of texts",
        ),
        ({**FULL, "environment_variables": [1]}, "environment_variables must be an object"),
        ({"dagster_run": {"run_id": "a"}}, "must have run_config, an object; it is missing"),
        ({**FULL, "request": "delete"}, "request must be one of run, cancel, status"),
        ({**FULL, "run_config": {"ops": []}}, "ops must be an object"),
        ({**FULL, "run_config": {"ops": {"a": 1}}}, "op 'a' must be an object"),
        ({**FULL, "run_config": {"ops": {"a": {"b": 1}}}}, "op 'a' must be an object"),
        ({**FULL, "run_config": {"ops": {"a": {"inputs": 1}}}}, "inputs of an op"),
        ({**FULL, "job_graph": {"a": "b"}}, "job_graph must be an object"),
        ({**FULL, "job_graph": {str(n): [] for n in range(MAX_OPS + 1)}}, "1000 ops at most"),
        (
            {**FULL, "run_config": {"ops": {str(n): {} for n in range(MAX_OPS + 1)}}},
            "1000 ops at most",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "event",
)
def test_garbage_is_refused_with_the_reason(event: Any, said: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_event(event, "full")
    assert said in str(caught.value)


def test_nesting_has_a_limit() -> None:
    ops: dict[str, Any] = {}
    for _ in range(200):
        ops = {"graph": {"ops": ops}}
    with pytest.raises(PayloadError, match="nested more than 100 deep"):
        parse_event({"ops": ops}, "config_only")


def test_ops_inside_of_graphs_are_named_by_their_path_and_inputs_are_unwrapped() -> None:
    inner = {"op": {"config": 1, "inputs": {"a": {"value": 2}, "b": 3}}}
    request = parse_event({"ops": {"graph": {"ops": inner}, "bare": None}}, "config_only")
    assert request.ops == {"graph.op": OpRequest(1, {"a": 2, "b": 3}), "bare": OpRequest()}


def test_request_about_a_run_needs_no_config() -> None:
    request = parse_event({"dagster_run": {"run_id": "8f1c"}, "request": "cancel"})
    assert (request.kind, request.run_id, request.ops) == ("cancel", "8f1c", {})
