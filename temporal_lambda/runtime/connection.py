"""The warm connection: made once per execution environment, used while it is healthy."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.client import Client, ClientConfig, Plugin
from temporalio.service import ConnectConfig, RPCError, RPCStatusCode, ServiceClient

from temporal_lambda.runtime.connect_errors import DEFAULT_ADDRESS, Target
from temporal_lambda.runtime.core_log import keep_core_to_json
from temporal_lambda.settings.credentials import HiddenText
from temporal_lambda.timeouts import TimeExpired, at_most

Connect = Callable[[ConnectConfig], Awaitable[ServiceClient]]

CHECK_SECONDS = 1.0
"""What a health check may cost before the connection counts as lost."""


CHECK_INTERVAL = 0.05
"""Seconds until a check that failed is tried again."""

NO_ANSWER = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.UNKNOWN,
    }
)
"""What a health check ends with when nobody has answered it. Any other status is an answer, and so
proof of life: a server that wants a namespace with each request refuses this one."""


class ConnectionLost(Exception):
    """A connection that was used again has turned out to lead nowhere."""


class Kept(NamedTuple):
    """A connection that waits for its next use.

    Attributes:
        client: The connection.
        made_for: The settings it was made with.
    """

    client: ServiceClient
    made_for: ConnectConfig


class WarmConnection:
    """The place where an execution environment keeps its connection between invocations.

    An invocation takes the connection out when it connects, and puts it back when its worker has
    ended cleanly; whatever happens in between, nothing else can come to use it meanwhile, and what
    is not put back is never used again.
    """

    def __init__(self) -> None:
        self.kept: Kept | None = None

    def for_invocation(self) -> InvocationConnection:
        """The connection of an invocation that begins."""
        return InvocationConnection(self)

    def take(self) -> Kept | None:
        """Take out what is kept."""
        kept, self.kept = self.kept, None
        return kept


class InvocationConnection(Plugin):
    """A client plugin that connects one invocation, over the kept connection if that will do.

    It is the innermost one in the plugin chain, so it sees what all other plugins made of the
    connection settings, and it reuses the connection only for settings that are equal in all that
    belongs to the connection: identity, API key and metadata are given to it anew. A connection
    belongs to the execution environment, not to an event loop.

    Args:
        place: Where the connection is kept between invocations.

    Attributes:
        state: ``new``, ``reused`` or ``replaced``, once the invocation has connected.
    """

    def __init__(self, place: WarmConnection) -> None:
        self._place = place
        self._target = Target(DEFAULT_ADDRESS, "default")
        self._reuses = True
        self._check: asyncio.Task[bool] | None = None
        self._in_use: Kept | None = None
        self.state: str | None = None

    def begin_check(self) -> None:
        """Begin to check the kept connection.

        Nobody waits for it: the callback runs meanwhile, and then the worker starts over the
        connection as if it were known to be good.
        """
        if kept := self._place.kept:
            self._check = asyncio.create_task(_answers(kept.client))

    async def wait_until_lost(self, is_proven: Callable[[], bool]) -> None:
        """Return once the kept connection, in use again, turns out to lead nowhere.

        Args:
            is_proven: Says whether it has proved good by other means before the check is over.
        """
        if self._check is None or self.state != "reused" or await self._check or is_proven():
            await asyncio.Event().wait()
        self._in_use = None

    async def connect(
        self,
        connect_config: dict[str, Any],
        identity: str | None,
        *,
        reuse: bool,
        limit: float = math.inf,
    ) -> Client:
        """Connect a client, over the kept connection where that is possible.

        Args:
            connect_config: Keyword arguments for ``Client.connect``.
            identity: Identity unless ``connect_config`` has one.
            reuse: Whether a connection may outlive the invocation.
            limit: Seconds it may take.

        Raises:
            ConnectError: The server can't be reached, does not answer or refuses the client.
            Exception: What a plugin of the user's raised, as it is.
        """
        arguments = dict(connect_config)
        target = Target.of(arguments)
        arguments["target_host"] = target.address
        if identity and not arguments.get("identity"):
            arguments["identity"] = identity
        self.state = "new" if self.state is None else "replaced"
        arguments["plugins"] = [*arguments.get("plugins", []), self]
        self._target, self._reuses = target, reuse
        if not reuse:
            self._place.take()
        if not arguments.get("runtime"):
            keep_core_to_json()
        try:
            async with at_most(limit):
                return await Client.connect(**arguments)
        except TimeExpired:
            raise target.no_answer(limit) from None

    def keep(self) -> None:
        """Put the connection back for the next invocation; nothing of this one uses it any more."""
        if self._check:
            # What is kept is silent until its next use.
            self._check.cancel()
        self._place.kept = self._in_use or self._place.kept

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See base class."""
        return config

    async def connect_service_client(self, config: ConnectConfig, next: Connect) -> ServiceClient:
        """See base class."""
        kept, made_for = self._place.take(), _snapshot(config)
        if kept:
            if kept.made_for == made_for and not self._is_known_to_be_lost():
                self.state = "reused"
                kept.client.update_rpc_metadata(config.rpc_metadata)
                kept.client.update_api_key(config.api_key)
                self._in_use = kept
                return _with_identity(kept.client, config)
            self.state = "replaced"
        client = await self._make(config, next)
        if self._reuses:
            self._in_use = Kept(client, made_for)
        return client

    async def _make(self, config: ConnectConfig, next: Connect) -> ServiceClient:
        config.api_key = config.api_key and HiddenText(config.api_key)
        try:
            return await next(config)
        except (RuntimeError, RPCError, ValueError) as error:
            target = self._target._replace(address=config.target_host)
            # No cause: it repeats what the server says, which may be a credential.
            raise target.with_secrets_of(config).error_for(error) from None

    def _is_known_to_be_lost(self) -> bool:
        return self._check is not None and self._check.done() and not self._check.result()


async def _answers(client: ServiceClient) -> bool:
    """Whether a server answers within ``CHECK_SECONDS``.

    A connection that was cut fails at once, and is made anew by itself; so this asks again.
    """
    clock = asyncio.get_running_loop().time
    gives_up = clock() + CHECK_SECONDS
    while (left := gives_up - clock()) > 0:
        try:
            await client.check_health(timeout=timedelta(seconds=left))
            return True
        except RPCError as error:
            if error.status not in NO_ANSWER:
                return True
        await asyncio.sleep(CHECK_INTERVAL)
    return False


def _snapshot(config: ConnectConfig) -> ConnectConfig:
    """All that makes a connection different, beyond the reach of later changes."""
    return dataclasses.replace(
        config,
        identity="any",
        # Whether there is a key decides about TLS; which one it is can be changed.
        api_key="any" if config.api_key else None,
        rpc_metadata={},
        tls=copy.copy(config.tls),
    )


def _with_identity(client: ServiceClient, config: ConnectConfig) -> ServiceClient:
    """The same connection with the settings of this invocation, for its own calls."""
    view = copy.copy(client)
    view.config = dataclasses.replace(
        client.config,
        identity=config.identity,
        api_key=config.api_key,
        rpc_metadata=config.rpc_metadata,
    )
    return view
