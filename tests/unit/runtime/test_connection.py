"""When a connection is kept, and when it is used again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.service import ConnectConfig, RPCError, RPCStatusCode, ServiceClient

from temporal_lambda.runtime import connection as connection_module
from temporal_lambda.runtime.connection import (
    InvocationConnection,
    WarmConnection,
)


class Service:
    """Stands for a service client, which could not be had without a server."""

    def __init__(self, config: ConnectConfig) -> None:
        self.config = config
        self.checks = 0
        self.answer: bool | RPCError = True
        self.hangs = False
        self.cancelled = False
        self.updates: list[Any] = []

    async def check_health(self, *, timeout: timedelta) -> bool:
        self.checks += 1
        if self.hangs:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled = True
        if isinstance(self.answer, RPCError):
            raise self.answer
        return self.answer

    def update_rpc_metadata(self, metadata: Any) -> None:
        self.updates.append(metadata)

    def update_api_key(self, key: Any) -> None:
        self.updates.append(key)


@pytest.fixture
def place() -> WarmConnection:
    return WarmConnection()


async def use(
    connection: InvocationConnection, identity: str = "me", *, checked: bool = False, **options: Any
) -> Service:
    """Let a client connect through the plugin, as ``Client.connect`` does."""

    async def connect(config: ConnectConfig) -> ServiceClient:
        return cast(ServiceClient, Service(config))

    if not checked:
        connection.begin_check()
    connection.state = "new"
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
    assert other.state == "new"


async def test_what_was_not_put_back_is_gone(place: WarmConnection) -> None:
    await kept(place)
    await use(place.for_invocation())
    assert place.kept is None


async def test_nothing_is_put_back_by_an_invocation_that_never_connected(
    place: WarmConnection,
) -> None:
    await kept(place)
    before = place.kept
    place.for_invocation().keep()
    assert place.kept is before
    assert before


async def test_use_does_not_wait_for_the_check(place: WarmConnection) -> None:
    first = await kept(place)
    first.hangs = True
    connection = place.for_invocation()
    await use(connection)
    assert connection.state == "reused"
    await asyncio.sleep(0)
    assert first.checks == 1


@pytest.mark.parametrize(
    "answer",
    [
        False,  # NOT_SERVING
        RPCError("Request unauthorized", RPCStatusCode.PERMISSION_DENIED, b""),
        RPCError("no such method", RPCStatusCode.UNIMPLEMENTED, b""),
    ],
)
async def test_any_answer_to_the_check_is_proof_of_life(
    answer: bool | RPCError, place: WarmConnection
) -> None:
    first = await kept(place)
    first.answer = answer
    connection = place.for_invocation()
    await use(connection)
    lost = asyncio.create_task(connection.wait_until_lost(lambda: False))
    await asyncio.wait({lost}, timeout=0.02)
    assert not lost.done()
    lost.cancel()


NO_ANSWER = [
    RPCError("gone", RPCStatusCode.UNAVAILABLE, b""),
    RPCError("late", RPCStatusCode.DEADLINE_EXCEEDED, b""),
]


@pytest.mark.parametrize("answer", NO_ANSWER)
async def test_connection_known_to_be_lost_in_time_is_replaced(
    answer: RPCError, place: WarmConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CHECK_SECONDS", 0.01)
    first = await kept(place)
    first.answer = answer
    connection = place.for_invocation()
    connection.begin_check()
    # The callback takes longer than the check.
    await asyncio.sleep(0.1)
    second = await use(connection, checked=True)
    assert connection.state == "replaced"
    assert second.config is not first.config


@pytest.mark.parametrize("answer", NO_ANSWER)
async def test_connection_that_turns_out_lost_in_use_says_so_and_is_not_kept(
    answer: RPCError, place: WarmConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CHECK_SECONDS", 0.05)
    (await kept(place)).answer = answer
    connection = place.for_invocation()
    await use(connection)
    await asyncio.wait_for(connection.wait_until_lost(lambda: False), 5)
    connection.keep()
    assert place.kept is None


async def test_connection_that_was_cut_may_mend_itself_within_the_check(
    place: WarmConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CHECK_SECONDS", 0.2)
    first = await kept(place)
    first.answer = NO_ANSWER[0]
    connection = place.for_invocation()
    await use(connection)
    lost = asyncio.create_task(connection.wait_until_lost(lambda: False))
    await asyncio.sleep(0)
    first.answer = True
    await asyncio.wait({lost}, timeout=connection_module.CHECK_SECONDS + 0.2)
    assert not lost.done()
    assert first.checks > 1
    lost.cancel()


async def test_connection_that_has_proved_good_by_other_means_is_not_lost(
    place: WarmConnection,
) -> None:
    (await kept(place)).answer = NO_ANSWER[0]
    connection = place.for_invocation()
    await use(connection)
    lost = asyncio.create_task(connection.wait_until_lost(lambda: True))
    await asyncio.wait({lost}, timeout=0.02)
    assert not lost.done()
    lost.cancel()


async def test_what_is_kept_is_silent(place: WarmConnection) -> None:
    first = await kept(place)
    first.hangs = True
    connection = place.for_invocation()
    await use(connection)
    await asyncio.sleep(0)
    connection.keep()
    await asyncio.sleep(0)
    assert first.cancelled


async def test_key_and_metadata_are_given_to_the_connection_that_is_there(
    place: WarmConnection,
) -> None:
    first = await kept(place, api_key="one", rpc_metadata={"team": "a"})
    connection = place.for_invocation()
    second = await use(connection, api_key="two", rpc_metadata={"team": "b"})
    assert connection.state == "reused"
    assert first.updates == [{"team": "b"}, "two"]
    assert second.config.api_key == "two"


@pytest.mark.parametrize("options", [{"api_key": "a key where there was none"}, {"lazy": True}])
async def test_other_settings_are_another_connection(
    options: dict[str, Any], place: WarmConnection
) -> None:
    await kept(place)
    connection = place.for_invocation()
    await use(connection, **options)
    assert connection.state == "replaced"
