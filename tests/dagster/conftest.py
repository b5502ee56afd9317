"""Fixtures of the tests around Dagster."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.scenario import example
from temporal_lambda.local import LocalStack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dagster_here(stack: LocalStack) -> AsyncIterator[DagsterHere]:
    """The example's functions in the session's stack, with Dagster's webserver and daemon."""
    async with example(stack) as dagster:
        yield dagster
