"""The credentials of one invocation's connection: fetched beside the callback, and kept fresh."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from temporalio.client import Client

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import ConnectError, DeadlineError, text_of
from temporal_lambda.timeouts import TimeExpired, at_most

logger = logging.getLogger("temporal_lambda.invocation")

Connect = Callable[[dict[str, Any]], Awaitable[Client]]

FRESH = 0.8
"""The part of their time after which credentials in use are asked for anew."""

LEAST = 0.05
"""Seconds between two of these questions, whatever their time."""


class InvocationCredentials:
    """Connects with credentials from elsewhere, with newer ones after a refusal, and renews them.

    Args:
        config: The invocation's configuration.
    """

    def __init__(self, config: LambdaWorkerConfig) -> None:
        self._config = config
        self._fetch: asyncio.Task[None] | None = None
        self._fetched_for: tuple[Any, ...] | None = None

    @property
    def _arguments(self) -> dict[str, Any]:
        return cast(dict[str, Any], self._config.client_connect_config)

    def begin_fetch(self) -> None:
        """Begin to fetch those that the settings name, while the callback runs."""
        if self._config.credentials:
            # Into a copy: what the callback sets, and what it does not, is its own affair.
            copy = dict(self._arguments)
            self._fetch = asyncio.create_task(self._config.credentials.apply(copy))
            self._fetch.add_done_callback(_take_notice)
            self._fetched_for = self._what_is_set()

    def _what_is_set(self) -> tuple[Any, ...]:
        return self._config.credentials, self._arguments.get("api_key"), self._arguments.get("tls")

    async def connect(self, connect: Connect, time_left: Callable[[], float]) -> Client:
        """Connect, with the credentials that the configuration names.

        Args:
            connect: Connects with keyword arguments for ``Client.connect``.
            time_left: Seconds until which there must be credentials.

        Raises:
            ConnectError: The server can't be reached, or refuses the newest credentials, too.
            DeadlineError: They did not come in time.
            Exception: They can't be had.
        """
        credentials = self._config.credentials
        if credentials is None:
            return await connect(self._arguments)
        async with _in_time(time_left()):
            fetch, self._fetch = self._fetch, None
            if fetch and self._fetched_for == self._what_is_set():
                await fetch
            await credentials.apply(self._arguments)
        try:
            return await connect(self._arguments)
        except ConnectError as error:
            if not await self.renew(error, time_left()):
                raise
        return await connect(self._arguments)

    async def renew(self, error: ConnectError, time_left: float) -> bool:
        """After a refusal, ask for newer credentials.

        Returns:
            Whether there are any, so that it is worth another try.

        Raises:
            DeadlineError: They did not come in time.
            Exception: They can't be had.
        """
        if not error.refused or self._config.credentials is None:
            return False
        async with _in_time(time_left):
            return await self._config.credentials.refresh(self._arguments)

    async def keep_fresh(self, client: Client | None) -> None:
        """Give the connection a newer API key before its own is old, until this is cancelled.

        A certificate belongs to the connection: another one is used from the next one on.
        """
        credentials = self._config.credentials
        # An object of the user's own may be older than this attribute.
        ttl = getattr(credentials, "ttl", None)
        if credentials is None or client is None or ttl is None:
            return
        while True:
            await asyncio.sleep(max(LEAST, ttl.total_seconds() * FRESH))
            try:
                newer = await credentials.refresh(self._arguments)
            except Exception as error:
                logger.warning(
                    "the credentials can't be renewed, and those in use stay: %s", text_of(error)
                )
                continue
            key = self._arguments.get("api_key")
            if newer and key and key != client.api_key:
                client.api_key = key


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with at_most(seconds):
            yield
    except TimeExpired:
        raise DeadlineError(
            f"the connection's credentials did not come within the {seconds:.1f} s that this "
            "invocation could wait. Are Secrets Manager or the Parameter Store reachable from here?"
        ) from None


def _take_notice(fetch: asyncio.Task[None]) -> None:
    """An error that nobody comes for, since the callback failed, is none for the log."""
    if not fetch.cancelled():
        fetch.exception()
