"""Fixtures of the tests that need runtime processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import boto3
import pytest
import pytest_asyncio
from botocore.config import Config
from temporalio.client import Client

from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.local import InvocationRecord, LambdaService, LocalStack
from temporal_lambda.local.invoke_api import InvokeApi
from tests.support.aws_account import Account
from tests.support.builds import Builds
from tests.support.dagster_client import DagsterClient, MakeDagsterClient
from tests.support.dev_session import Dev
from tests.support.fault_scenario import (
    RETRY_DELAYS,
    CheckDocumented,
    FaultScenario,
    Handle,
    MakeScenario,
    behind_proxy,
)
from tests.support.lambdas import MakeFunction
from tests.support.packaged import package_greeting
from tests.support.reliability import WRITE, check
from tests.support.traced import errors_of


@pytest.fixture
def check_documented(request: pytest.FixtureRequest) -> CheckDocumented:
    """For tests marked with ``fault("what broke, and when")``."""
    marker = request.node.get_closest_marker("fault")
    assert marker, "a test that observes a fault says which: @pytest.mark.fault(...)"
    (fault,) = marker.args

    async def compare(scenario: FaultScenario, handle: Handle, record: InvocationRecord) -> None:
        row = await scenario.row(fault, handle, record)
        check(row, write=request.config.getoption(WRITE))

    return compare


@pytest_asyncio.fixture(loop_scope="session")
async def scenario(stack: LocalStack, make_function: MakeFunction) -> AsyncIterator[FaultScenario]:
    """The tests' function behind a proxy, with 8 s for each invocation."""
    function = make_function("lifecycle.lambda_handler", seconds=8)
    async with behind_proxy(stack, function) as scenario:
        yield scenario


@pytest.fixture
def armed(tmp_path: Path) -> Path:
    """The file that lets a fault strike once."""
    return tmp_path / "armed"


@pytest.fixture
def surrounded_by(stack: LocalStack, make_function: MakeFunction, armed: Path) -> MakeScenario:
    """The function in surroundings that are at fault."""

    def make(
        fault: str, seconds: float = 8, env: Mapping[str, str] = {}
    ) -> AbstractAsyncContextManager[FaultScenario]:
        function = make_function(
            "surroundings.lambda_handler",
            seconds=seconds,
            env={"FAULT": fault, "ARMED": str(armed), **env},
            retry_delays=RETRY_DELAYS,
        )
        return behind_proxy(stack, function)

    return make


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
def dagster_client(stack: LocalStack, make_function: MakeFunction) -> MakeDagsterClient:
    def make(handler: str = "durable", seconds: float = 30, **options: Any) -> DagsterClient:
        # A lost task is tried again after 10 s; before that, the answer is that the run goes on.
        function = make_function(f"dagster_ops.{handler}", seconds=seconds, **options)
        return DagsterClient(stack, function)

    return make


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The greeting example as a zip, and its report."""
    return package_greeting(tmp_path_factory.mktemp("packaged"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def account(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Account]:
    """An AWS account, and a Temporal server whose controller has a role in it."""
    async with Account(tmp_path_factory.mktemp("account")).running() as account:
        yield account


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def role(account: Account) -> str:
    """An execution role."""
    return await asyncio.to_thread(account.create_role, "execution")


@pytest_asyncio.fixture(loop_scope="session")
async def builds(account: Account, role: str, tmp_path: Path) -> AsyncIterator[Builds]:
    """A function without any build yet."""
    client = await Client.connect(account.temporal.address)
    yield Builds(account, client, role, tmp_path)
    account.refuse_invocations = account.refuse_path = None
    account.before.clear()
    account.slow_answers = 0


@pytest_asyncio.fixture(loop_scope="session")
async def clean_log(stack: LocalStack) -> AsyncIterator[None]:
    """Whatever a test does: nothing in the log of a healthy invocation is an error."""
    before = stack.service.invocations
    yield
    healthy = [
        record
        for record in stack.service.records
        if record.number > before
        and record.status == "success"
        and record.report
        and not (record.report["errors"] or record.report["abandoned"])
    ]
    assert errors_of(healthy) == []


@pytest.fixture
def started() -> Iterator[list[Dev]]:
    """Sessions a test has started; whatever happens, they end."""
    sessions: list[Dev] = []
    yield sessions
    for session in sessions:
        session.kill()
