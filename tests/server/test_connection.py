"""The warm connection, and what networks do to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client

from temporal_lambda.errors import ConnectError
from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.connection import (
    CHECK_SECONDS,
    TRUSTED_SECONDS,
    InvocationConnection,
    WarmConnection,
)
from tests.support.proxy import Proxy


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(clock: Clock) -> WarmConnection:
    return WarmConnection(clock)


async def connect(
    place: WarmConnection, target: str, identity: str = "me", **arguments: Any
) -> tuple[Client, str | None]:
    """Connect as an invocation does, and end cleanly; what it got, and whether it was new."""
    connection = place.for_invocation()
    client = await connected(connection, target, identity, **arguments)
    connection.keep()
    return client, connection.state


async def connected(
    connection: InvocationConnection, target: str, identity: str = "me", **arguments: Any
) -> Client:
    connection.begin_check()
    return await connection.connect({"target_host": target, **arguments}, identity, reuse=True)


async def test_connection_used_a_moment_ago_is_used_again_unchecked(
    stack: LocalStack, place: WarmConnection
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        proxy.swallow()
        _, state = await asyncio.wait_for(connect(place, proxy.address), CHECK_SECONDS / 2)
        assert state == "reused"
        assert proxy.accepted == 1


async def test_healthy_connection_survives_a_long_pause(
    stack: LocalStack, place: WarmConnection, clock: Clock
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        clock.now += 3600
        _, state = await connect(place, proxy.address)
        assert state == "reused"
        assert proxy.accepted == 1


@pytest.mark.parametrize("step", [TRUSTED_SECONDS, -60.0])
async def test_connection_that_leads_nowhere_is_replaced_at_the_cost_of_one_check(
    step: float, stack: LocalStack, place: WarmConnection, clock: Clock
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        proxy.swallow()
        # A clock set back says nothing about the pause, so it does not excuse the check.
        clock.now += step
        client, state = await asyncio.wait_for(connect(place, proxy.address), CHECK_SECONDS + 1)
        assert state == "replaced"
        assert await client.service_client.check_health()


async def test_connection_that_was_cut_is_mended(
    stack: LocalStack, place: WarmConnection, clock: Clock
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        proxy.cut()
        clock.now += TRUSTED_SECONDS
        client, _ = await connect(place, proxy.address)
        assert await client.service_client.check_health()
        assert proxy.accepted == 2


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": "another", "tls": False},
        {"rpc_metadata": {"team": "other"}},
        {"namespace": "default", "api_key": "key", "tls": False},
    ],
)
async def test_connection_is_not_shared_between_different_credentials(
    change: dict[str, Any], stack: LocalStack, place: WarmConnection
) -> None:
    first, _ = await connect(place, stack.temporal_address)
    second, state = await connect(place, stack.temporal_address, **change)
    assert state == "replaced"
    assert second.service_client is not first.service_client
    _, state = await connect(place, stack.temporal_address, **change)
    assert state == "reused"


async def test_reused_connection_goes_under_the_identity_of_the_invocation(
    stack: LocalStack, place: WarmConnection
) -> None:
    for identity in ("first@arn", "second@arn"):
        client, _ = await connect(place, stack.temporal_address, identity)
        assert client.identity == identity
    connection = place.for_invocation()
    mine = await connection.connect(
        {"target_host": stack.temporal_address, "identity": "mine"}, "third@arn", reuse=True
    )
    assert connection.state == "reused"
    assert mine.identity == "mine"


async def test_connection_in_use_is_not_used_by_another_invocation(
    stack: LocalStack, place: WarmConnection
) -> None:
    first, second = place.for_invocation(), place.for_invocation()
    one = await connected(first, stack.temporal_address)
    other = await connected(second, stack.temporal_address)
    assert (first.state, second.state) == ("new", "new")
    assert one.service_client is not other.service_client


async def test_connection_that_was_not_put_back_is_not_used_again(
    stack: LocalStack, place: WarmConnection
) -> None:
    await connect(place, stack.temporal_address)
    failed = place.for_invocation()
    await connected(failed, stack.temporal_address)
    assert failed.state == "reused"
    _, state = await connect(place, stack.temporal_address)
    assert state == "new"


async def test_invocation_that_never_connects_leaves_the_kept_connection_alone(
    stack: LocalStack, place: WarmConnection
) -> None:
    await connect(place, stack.temporal_address)
    place.for_invocation().begin_check()
    _, state = await connect(place, stack.temporal_address)
    assert state == "reused"


async def test_address_that_cant_be_is_named(place: WarmConnection) -> None:
    with pytest.raises(ConnectError, match="server at foo:bar, namespace default, can't be"):
        await connect(place, "foo:bar")


async def test_error_names_address_and_namespace_and_no_credential(
    place: WarmConnection,
) -> None:
    with pytest.raises(ConnectError) as error:
        await connect(place, "127.0.0.1:1", namespace="live", api_key="top-secret", tls=False)
    assert "the Temporal server at 127.0.0.1:1, namespace live, can't be reached" in str(
        error.value
    )
    assert "top-secret" not in repr(error.value) + str(error.value.__cause__)
