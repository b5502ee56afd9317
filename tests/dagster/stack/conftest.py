"""Fixtures of the tests whose functions work for a Temporal server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from temporal_lambda.local import Function, LocalStack
from tests.dagster.conftest import DIRECT, one_database
from tests.dagster.dagster_fixtures import Dagster, dagster_on_disk
from tests.support.lambdas import MakeFunction


@pytest.fixture(scope="session")
def beside(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    """An instance whose runs go to the stack."""
    home = tmp_path_factory.mktemp("beside")
    settings = {**DIRECT, **one_database(home)}
    with dagster_on_disk(home, stack.lambda_endpoint, settings) as dagster:
        yield dagster


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
