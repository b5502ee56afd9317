"""Fixtures of the tests whose functions work for a Temporal server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from temporal_lambda.local import Function, LocalStack
from tests.support.lambdas import MakeFunction


@pytest.fixture(scope="session")
def functions() -> dict[str, Function]:
    """Functions by their handlers."""
    return {}


@pytest.fixture
def function(
    stack: LocalStack, make_function: MakeFunction, functions: dict[str, Function]
) -> Callable[[str], Function]:
    """The function of a handler; one for all tests, since each takes a second to start."""

    def find(handler: str) -> Function:
        if handler not in functions:
            functions[handler] = stack.create(make_function(f"dagster_ops.{handler}", seconds=30))
        return functions[handler]

    return find
