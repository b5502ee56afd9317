"""A function as the local Lambda sees it: the variables of its processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.local import Function

STREAM = "AWS_LAMBDA_LOG_STREAM_NAME"


def variables(**options: Any) -> dict[str, str]:
    function = Function("greeting", "handler.greet", Path(), **options)
    return function.process_environment("127.0.0.1:9001", "2026/01/01/[1]abc")


@pytest.mark.parametrize(
    ("options", "initialization", "stream"),
    [
        ({}, "on-demand", "2026/01/01/[1]abc"),
        ({"snapstart": True}, "snap-start", None),
        ({"max_concurrency": 2}, "lambda-managed-instances", "2026/01/01/[1]abc"),
    ],
)
def test_processes_are_told_how_lambda_began_them(
    options: dict[str, Any], initialization: str, stream: str | None
) -> None:
    found = variables(**options)
    assert found["AWS_LAMBDA_INITIALIZATION_TYPE"] == initialization
    assert found.get(STREAM) == stream


def test_managed_instances_have_their_number_of_processes_and_one_log_format() -> None:
    found = variables(max_concurrency=16, environment={"AWS_LAMBDA_LOG_FORMAT": "Text"})
    assert found["AWS_LAMBDA_MAX_CONCURRENCY"] == "16"
    assert found["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    assert "AWS_LAMBDA_MAX_CONCURRENCY" not in variables()
