"""The warm connection, and what networks do to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from temporal_lambda.errors import ConnectError
from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.connection import CHECK_SECONDS, TRUSTED_SECONDS, WarmConnection
from tests.support.proxy import Proxy


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connection(clock: Clock) -> WarmConnection:
    return WarmConnection(clock)


async def connect(connection: WarmConnection, target: str, **arguments: Any) -> Any:
    """Connect as an invocation does."""
    connection.begin_check()
    return await connection.connect({"target_host": target, **arguments}, "me", reuse=True)


async def test_connection_used_a_moment_ago_is_used_again_unchecked(
    stack: LocalStack, connection: WarmConnection
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(connection, proxy.address)
        proxy.swallow()
        await asyncio.wait_for(connect(connection, proxy.address), CHECK_SECONDS / 2)
        assert connection.state == "reused"
        assert proxy.accepted == 1


async def test_healthy_connection_survives_a_long_pause(
    stack: LocalStack, connection: WarmConnection, clock: Clock
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(connection, proxy.address)
        clock.now += 3600
        await connect(connection, proxy.address)
        assert connection.state == "reused"
        assert proxy.accepted == 1


@pytest.mark.parametrize("step", [TRUSTED_SECONDS, -60.0])
async def test_connection_that_leads_nowhere_is_replaced_at_the_cost_of_one_check(
    step: float, stack: LocalStack, connection: WarmConnection, clock: Clock
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(connection, proxy.address)
        proxy.swallow()
        # A clock set back says nothing about the pause, so it does not excuse the check.
        clock.now += step
        client = await asyncio.wait_for(connect(connection, proxy.address), CHECK_SECONDS + 1)
        assert connection.state == "replaced"
        assert await client.service_client.check_health()


async def test_connection_that_was_cut_is_mended(
    stack: LocalStack, connection: WarmConnection, clock: Clock
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(connection, proxy.address)
        proxy.cut()
        clock.now += TRUSTED_SECONDS
        client = await connect(connection, proxy.address)
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
    change: dict[str, Any], stack: LocalStack, connection: WarmConnection
) -> None:
    first = await connect(connection, stack.temporal_address)
    second = await connect(connection, stack.temporal_address, **change)
    assert connection.state == "replaced"
    assert second.service_client is not first.service_client
    await connect(connection, stack.temporal_address, **change)
    assert connection.state == "reused"


async def test_reused_connection_goes_under_the_identity_of_the_invocation(
    stack: LocalStack, connection: WarmConnection
) -> None:
    for identity in ("first@arn", "second@arn"):
        client = await connection.connect(
            {"target_host": stack.temporal_address}, identity, reuse=True
        )
        assert client.identity == identity
    mine = await connection.connect(
        {"target_host": stack.temporal_address, "identity": "mine"}, "third@arn", reuse=True
    )
    assert mine.identity == "mine"


async def test_address_that_cant_be_is_named(connection: WarmConnection) -> None:
    with pytest.raises(ConnectError, match="server at foo:bar, namespace default, can't be"):
        await connect(connection, "foo:bar")


async def test_error_names_address_and_namespace_and_no_credential(
    connection: WarmConnection,
) -> None:
    with pytest.raises(ConnectError) as error:
        await connect(connection, "127.0.0.1:1", namespace="live", api_key="top-secret", tls=False)
    assert "the Temporal server at 127.0.0.1:1, namespace live, can't be reached" in str(
        error.value
    )
    assert "top-secret" not in repr(error.value) + str(error.value.__cause__)
