"""Fixtures for all tests. Server tests share one Temporal server per session."""

from __future__ import annotations

import functools
import signal
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.process import forget_warnings
from tests.support import collector
from tests.support.lambdas import FUNCTIONS, Deploy, Invoke, MakeFunction, deploy_at_rest
from tests.support.reliability import WRITE


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_as_in_a_terminal() -> Iterator[None]:
    """A shell lets what it starts in the background ignore Ctrl-C, with all its children."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture(autouse=True)
def every_warning_once_per_test() -> None:
    """A process gives some warnings once; the tests share one."""
    forget_warnings()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        WRITE, action="store_true", help="write what fault tests see into docs/reliability.md"
    )


def pytest_report_header() -> str:
    """Whether telemetry goes through a real collector."""
    why = collector.why_missing()
    return (
        f"collector: none, tests receive telemetry directly ({why})" if why else "collector: rotel"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What lies in tests/server needs a server; it runs after what does not."""
    for item in items:
        if "server" in item.path.parts:
            item.add_marker("server")
    items.sort(key=lambda item: item.get_closest_marker("server") is not None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[LocalStack]:
    """The one Temporal server and Lambda service of the session."""
    async with LocalStack() as stack:
        yield stack


@pytest.fixture
def make_function() -> MakeFunction:
    def make(
        handler: str, *, seconds: float = 10, env: Mapping[str, str] = {}, **options: Any
    ) -> Function:
        name = f"{handler.replace('.', '-')}-{uuid.uuid4().hex[:6]}"
        defaults = {
            "DEPLOYMENT": name,
            "QUEUE": name,
            # Short, so that an invocation without a deadline in it ends soon.
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "300ms",
            "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "1s",
        }
        return Function(
            name,
            handler,
            FUNCTIONS,
            timeout=timedelta(seconds=seconds),
            environment={**defaults, **env},
            **options,
        )

    return make


@pytest.fixture
def invoke(stack: LocalStack) -> Invoke:
    """Invoke a function synchronously, creating it on first sight."""

    async def run(function: Function) -> InvocationRecord:
        created = stack.service.find(function.name) or stack.create(function)
        record, _ = await stack.service.invoke(created, b"{}")
        return record

    return run


@pytest.fixture
def deploy(stack: LocalStack) -> Deploy:
    """Deploy a function behind the worker controller; it is at rest then."""
    return functools.partial(deploy_at_rest, stack)
