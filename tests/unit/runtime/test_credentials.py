"""Credentials of an invocation: when they are asked for, and what becomes of errors."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import ConnectError, DeadlineError
from temporal_lambda.runtime.credentials import InvocationCredentials


class Keys:
    """Hands out keys, one after the other; the last one again and again."""

    def __init__(self, *keys: str, ttl: timedelta | None = None, seconds: float = 0) -> None:
        self._keys = list(keys)
        self._seconds = seconds
        self.ttl = ttl
        self.asked = 0
        self.error: Exception | None = None

    async def apply(self, connect: MutableMapping[str, Any]) -> None:
        if connect.get("api_key"):
            return
        self.asked += 1
        await asyncio.sleep(self._seconds)
        if self.error:
            raise self.error
        connect["api_key"] = self._keys[0]

    async def refresh(self, connect: MutableMapping[str, Any]) -> bool:
        if self.error:
            raise self.error
        before = self._keys[0]
        if len(self._keys) > 1:
            self._keys.pop(0)
        connect["api_key"] = self._keys[0]
        return before != self._keys[0]


class Server:
    """Connects whoever brings the right key."""

    def __init__(self, key: str) -> None:
        self.api_key = key
        self.calls: list[str | None] = []

    async def connect(self, arguments: dict[str, Any]) -> Client:
        self.calls.append(arguments.get("api_key"))
        if arguments.get("api_key") != self.api_key:
            error = ConnectError("refuses this worker")
            error.refused = True
            raise error
        return cast(Client, self)


def credentials_of(keys: Keys | None) -> tuple[InvocationCredentials, LambdaWorkerConfig]:
    config = LambdaWorkerConfig(credentials=keys)
    return InvocationCredentials(config), config


def minute() -> float:
    return 60.0


async def test_fetch_begins_before_the_callback_is_done_and_leaves_its_configuration_alone() -> (
    None
):
    keys, server = Keys("key", seconds=0.05), Server("key")
    credentials, config = credentials_of(keys)
    credentials.begin_fetch()
    await asyncio.sleep(0)
    assert keys.asked == 1
    assert config.client_connect_config == {}
    await credentials.connect(server.connect, minute)
    assert server.calls == ["key"]


async def test_key_that_the_callback_sets_wins_over_secrets_that_can_not_be_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys, server = Keys("key"), Server("mine")
    keys.error = RuntimeError("may not be read")
    credentials, config = credentials_of(keys)
    credentials.begin_fetch()
    config.client_connect_config["api_key"] = "mine"
    await credentials.connect(server.connect, minute)
    assert server.calls == ["mine"]
    assert [r for r in caplog.records if r.name.startswith("temporal_lambda")] == []


async def test_error_of_the_fetch_is_raised_once_and_not_asked_for_again() -> None:
    keys = Keys("key")
    keys.error = RuntimeError("may not be read")
    credentials, _ = credentials_of(keys)
    credentials.begin_fetch()
    with pytest.raises(RuntimeError, match="may not be read"):
        await credentials.connect(Server("key").connect, minute)
    assert keys.asked == 1


async def test_credentials_that_do_not_come_cost_no_more_than_the_invocation_has() -> None:
    credentials, _ = credentials_of(Keys("key", seconds=30))
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"did not come within the 0\.1 s"):
        await credentials.connect(Server("key").connect, lambda: 0.1)
    assert time.monotonic() - began < 5


async def test_refusal_is_answered_with_newer_ones_and_only_once() -> None:
    server = Server("new")
    credentials, _ = credentials_of(Keys("old", "new"))
    await credentials.connect(server.connect, minute)
    assert server.calls == ["old", "new"]
    credentials, _ = credentials_of(Keys("old", "older"))
    with pytest.raises(ConnectError):
        await credentials.connect(server.connect, minute)
    assert server.calls[2:] == ["old", "older"]


async def test_server_that_is_away_is_no_reason_to_ask_for_others() -> None:
    credentials, _ = credentials_of(Keys("old", "new"))
    assert not await credentials.renew(ConnectError("can't be reached"), 60)
    credentials, _ = credentials_of(None)
    refused = ConnectError("refuses this worker")
    refused.refused = True
    assert not await credentials.renew(refused, 60)


async def test_connection_in_use_gets_a_newer_key_and_keeps_its_own_if_there_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys, server = Keys("old", "new", ttl=timedelta(milliseconds=10)), Server("old")
    credentials, _ = credentials_of(keys)
    await credentials.connect(server.connect, minute)
    fresh = asyncio.create_task(credentials.keep_fresh(cast(Client, server)))
    while server.api_key != "new":
        await asyncio.sleep(0.01)
    keys.error = RuntimeError("AWS is away")
    with caplog.at_level(logging.WARNING):
        while not caplog.records:
            await asyncio.sleep(0.01)
    assert "can't be renewed, and those in use stay: AWS is away" in caplog.messages[0]
    assert not fresh.done()
    fresh.cancel()


@pytest.mark.parametrize("keys", [None, Keys("key")])
async def test_credentials_without_a_time_are_not_renewed(keys: Keys | None) -> None:
    credentials, _ = credentials_of(keys)
    await asyncio.wait_for(credentials.keep_fresh(cast(Client, Server("key"))), 5)
