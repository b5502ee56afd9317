"""Polls are ended through the server, for one worker and no other."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Worker

from temporal_lambda.local import LocalStack
from temporal_lambda.polls import end_polls
from temporal_lambda.slots import Kind, SlotCounter
from tests.server.lambdas import until

LIMITS: dict[Kind, int] = {"workflow": 5, "activity": 5, "local_activity": 1, "nexus": 1}


@activity.defn
async def nothing() -> None:
    """Does nothing."""


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=timedelta(seconds=1))


@asynccontextmanager
async def polling(
    stack: LocalStack, runtime: Runtime, identity: str, task_queue: str
) -> AsyncIterator[tuple[Client, SlotCounter]]:
    """A worker with open polls, which takes no more slots for new ones."""
    client = await Client.connect(stack.temporal_address, identity=identity, runtime=runtime)
    slots = SlotCounter(time.monotonic)
    tuner = slots.tuner(LIMITS)
    async with Worker(client, task_queue=task_queue, activities=[nothing], tuner=tuner):
        await until(lambda: slots.open_polls)
        slots.refuse_polls()
        yield client, slots


async def known(client: Client, identity: str) -> int:
    """How many workers of an identity the server knows."""
    request = ListWorkersRequest(namespace=client.namespace, query=f'WorkerIdentity="{identity}"')
    return len((await client.workflow_service.list_workers(request)).workers_info)


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:6]}"


async def test_open_polls_of_a_worker_end_and_those_of_others_do_not(
    stack: LocalStack, runtime: Runtime
) -> None:
    queue = unique("queue")
    async with (
        polling(stack, runtime, unique("one"), queue) as (client, slots),
        polling(stack, runtime, unique("other"), queue) as (_, others),
    ):
        assert await end_polls(client, client.identity, queue, 5.0)
        await until(lambda: not slots.open_polls)
        assert others.open_polls


async def test_worker_that_shares_its_identity_is_left_alone(
    stack: LocalStack, runtime: Runtime
) -> None:
    queue, identity = unique("queue"), unique("same")
    async with (
        polling(stack, runtime, identity, queue) as (client, slots),
        polling(stack, runtime, identity, queue),
    ):
        while await known(client, identity) < 2:
            await asyncio.sleep(0.05)
        assert not await end_polls(client, identity, queue, 1.0)
        assert slots.open_polls


async def test_worker_that_the_server_does_not_know_costs_no_more_than_the_limit(
    stack: LocalStack,
) -> None:
    client = await Client.connect(stack.temporal_address)
    begun = time.monotonic()
    assert not await end_polls(client, unique("nobody"), unique("queue"), 0.3)
    assert time.monotonic() - begun < 1.0
    assert not await end_polls(client, 'has "quotes"', unique("queue"), 0.1)


async def test_polls_of_a_server_that_can_not_end_them_stay_open(runtime: Runtime) -> None:
    flag = "frontend.enableCancelWorkerPollsOnShutdown"
    async with LocalStack(dynamic_config={flag: "false"}) as stack:
        queue = unique("queue")
        async with polling(stack, runtime, unique("one"), queue) as (client, slots):
            assert not await end_polls(client, client.identity, queue, 1.0)
            assert slots.open_polls
