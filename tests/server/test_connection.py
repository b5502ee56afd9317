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
    InvocationConnection,
    WarmConnection,
)
from tests.support.gateway import Gateway
from tests.support.proxy import Proxy


@pytest.fixture
def place() -> WarmConnection:
    return WarmConnection()


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


async def test_connection_is_used_again_without_waiting_for_its_check(
    stack: LocalStack, place: WarmConnection
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        proxy.swallow()
        _, state = await asyncio.wait_for(connect(place, proxy.address), CHECK_SECONDS / 2)
        assert state == "reused"
        assert proxy.accepted == 1


async def test_connection_that_leads_nowhere_is_found_out_by_its_check(
    stack: LocalStack, place: WarmConnection
) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        proxy.swallow()
        connection = place.for_invocation()
        await connected(connection, proxy.address)
        await asyncio.wait_for(connection.wait_until_lost(lambda: False), CHECK_SECONDS + 1)
        client = await connected(connection, proxy.address)
        assert connection.state == "replaced"
        assert await client.service_client.check_health()


async def test_connection_that_was_cut_is_mended(stack: LocalStack, place: WarmConnection) -> None:
    async with Proxy(stack.temporal_address) as proxy:
        await connect(place, proxy.address)
        proxy.cut()
        connection = place.for_invocation()
        client = await connected(connection, proxy.address)
        lost = asyncio.create_task(connection.wait_until_lost(lambda: False))
        # By itself, where its own attempt to connect again comes before the check; else anew.
        await asyncio.wait({lost}, timeout=CHECK_SECONDS)
        if lost.done():
            client = await connected(connection, proxy.address)
        lost.cancel()
        assert await client.service_client.check_health()


async def test_check_that_is_refused_is_an_answer(stack: LocalStack, place: WarmConnection) -> None:
    async with Gateway(stack.temporal_address, "key") as gateway:
        gateway.refuses_health_checks = True
        await connect(place, gateway.address, api_key="key", tls=False)
        connection = place.for_invocation()
        await connected(connection, gateway.address, api_key="key", tls=False)
        lost = asyncio.create_task(connection.wait_until_lost(lambda: False))
        await asyncio.wait({lost}, timeout=CHECK_SECONDS + 0.2)
        assert not lost.done()
        assert connection.state == "reused"
        lost.cancel()


async def test_new_key_is_used_on_the_connection_that_is_there(
    stack: LocalStack, place: WarmConnection
) -> None:
    async with Gateway(stack.temporal_address, "old key") as gateway:
        await connect(place, gateway.address, api_key="old key", tls=False)
        gateway.api_key = "new key"
        client, state = await connect(place, gateway.address, api_key="new key", tls=False)
        assert state == "reused"
        await client.count_workflows()


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": "another", "tls": False},
        {"namespace": "default", "api_key": "key", "tls": False},
    ],
)
async def test_connection_without_a_key_is_not_used_with_one(
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
