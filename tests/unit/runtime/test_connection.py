"""When a connection is kept, and when it is used again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.service import ConnectConfig, RPCError, RPCStatusCode, ServiceClient

from temporal_lambda.runtime.connection import (
    TRUSTED_SECONDS,
    InvocationConnection,
    WarmConnection,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Stands for a service client, which could not be had without a server."""

    def __init__(self, config: ConnectConfig) -> None:
        self.config = config
        self.checks = 0
        self.answer: bool | RPCError = True
        self.updates: list[Any] = []

    async def check_health(self, *, timeout: timedelta) -> bool:
        self.checks += 1
        if isinstance(self.answer, RPCError):
            raise self.answer
        return self.answer

    def update_rpc_metadata(self, metadata: Any) -> None:
        self.updates.append(metadata)

    def update_api_key(self, key: Any) -> None:
        self.updates.append(key)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(clock: Clock) -> WarmConnection:
    return WarmConnection(clock)


async def use(connection: InvocationConnection, identity: str = "me", **options: Any) -> Service:
    """Let a client connect through the plugin, as ``Client.connect`` does."""

    async def connect(config: ConnectConfig) -> ServiceClient:
        return cast(ServiceClient, Service(config))

    connection.begin_check()
    config = ConnectConfig(target_host="h:1", identity=identity, **options)
    return cast(Service, await connection.connect_service_client(config, connect))


async def kept(place: WarmConnection, **options: Any) -> Service:
    connection = place.for_invocation()
    service = await use(connection, **options)
    connection.keep()
    return service


async def test_what_was_put_back_is_used_again_under_another_identity(
    place: WarmConnection,
) -> None:
    first = await kept(place)
    connection = place.for_invocation()
    second = await use(connection, identity="second")
    assert connection.state == "reused"
    assert second.config.identity == "second"
    assert first.config.identity == "me"


async def test_what_is_in_use_is_nobody_elses(place: WarmConnection) -> None:
    await kept(place)
    await use(place.for_invocation())
    other = place.for_invocation()
    await use(other)
    assert other.state is None


async def test_what_was_not_put_back_is_gone(place: WarmConnection) -> None:
    await kept(place)
    await use(place.for_invocation())
    assert place.kept is None


async def test_nothing_is_put_back_by_an_invocation_that_never_connected(
    place: WarmConnection,
) -> None:
    place.for_invocation().keep()
    assert place.kept is None


async def test_recent_use_excuses_the_check_and_a_pause_does_not(
    place: WarmConnection, clock: Clock
) -> None:
    first = await kept(place)
    await kept(place)
    assert first.checks == 0
    clock.now += TRUSTED_SECONDS
    await kept(place)
    assert first.checks == 1


@pytest.mark.parametrize(
    "answer",
    [
        False,
        RPCError("gone", RPCStatusCode.UNAVAILABLE, b""),
        RPCError("health checks are not for you", RPCStatusCode.PERMISSION_DENIED, b""),
    ],
)
async def test_unhealthy_connection_is_replaced(
    answer: bool | RPCError, place: WarmConnection, clock: Clock
) -> None:
    first = await kept(place)
    first.answer = answer
    clock.now += TRUSTED_SECONDS
    connection = place.for_invocation()
    second = await use(connection)
    assert connection.state == "replaced"
    assert second.config is not first.config


async def test_other_settings_are_another_connection(place: WarmConnection) -> None:
    await kept(place, api_key="one")
    connection = place.for_invocation()
    await use(connection, api_key="two")
    assert connection.state == "replaced"
