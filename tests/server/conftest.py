"""Fixtures of the tests that need runtime processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import boto3
import pytest
import pytest_asyncio
from botocore.config import Config

from temporal_lambda.local import InvocationRecord, LambdaService, LocalStack
from temporal_lambda.local.invoke_api import InvokeApi
from tests.conftest import WRITE, MakeFunction
from tests.server.door import Door
from tests.server.reliability import check
from tests.server.scene import Handle, Scene, behind_proxy


class Observe(Protocol):
    """Compares what was seen of a fault with docs/reliability.md."""

    async def __call__(self, scene: Scene, handle: Handle, record: InvocationRecord) -> None: ...


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Observe:
    """For tests marked with ``fault("what broke, and when")``."""
    marker = request.node.get_closest_marker("fault")
    assert marker, "a test that observes a fault says which: @pytest.mark.fault(...)"
    (fault,) = marker.args

    async def compare(scene: Scene, handle: Handle, record: InvocationRecord) -> None:
        row = await scene.row(fault, handle, record)
        check(row, write=request.config.getoption(WRITE))

    return compare


@pytest_asyncio.fixture(loop_scope="session")
async def scene(stack: LocalStack, make_function: MakeFunction) -> AsyncIterator[Scene]:
    """The tests' function behind a proxy, with 8 s for each invocation."""
    function = make_function("lifecycle.lambda_handler", seconds=8)
    async with behind_proxy(stack, function) as scene:
        yield scene


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[LambdaService]:
    async with LambdaService() as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def client(service: LambdaService) -> AsyncIterator[Any]:
    async with InvokeApi(service) as api:
        yield boto3.client(
            "lambda",
            endpoint_url=api.endpoint,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 0}, read_timeout=30),
        )


@pytest.fixture
def door(stack: LocalStack, make_function: MakeFunction) -> Callable[..., Door]:
    def make(handler: str = "durable", **options: Any) -> Door:
        return Door(stack, make_function(f"dagster_ops.{handler}", **options))

    return make
