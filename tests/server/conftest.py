"""Fixtures of the tests that need runtime processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest_asyncio
from botocore.config import Config

from temporal_lambda.local import LambdaService
from temporal_lambda.local.invoke_api import InvokeApi


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
