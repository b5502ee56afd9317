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
from temporalio.service import ConnectConfig, RPCError, ServiceClient

from temporal_lambda.deadline import Clock
from temporal_lambda.runtime.connect_errors import Target
from temporal_lambda.timeouts import TimeExpired, at_most

Connect = Callable[[ConnectConfig], Awaitable[ServiceClient]]

TRUSTED_SECONDS = 5.0
"""A connection used this recently is used again unchecked: no freeze was long enough to lose it."""

CHECK_SECONDS = 1.0
"""What a health check may cost before the connection counts as lost."""


class Kept(NamedTuple):
    """A connection that waits for its next use.

    Attributes:
        client: The connection.
        made_for: The settings it was made with.
        used_at: When it was last in use, seconds of wall time.
    """

    client: ServiceClient
    made_for: ConnectConfig
    used_at: float


class WarmConnection:
    """The place where an execution environment keeps its connection between invocations.

    An invocation takes the connection out when it connects, and puts it back when its worker has
    ended cleanly; whatever happens in between, nothing else can come to use it meanwhile, and what
    is not put back is never used again.

    Args:
        clock: Returns seconds of wall time, since a frozen environment's monotonic clock may stand
            still with it.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
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
    connection settings, and it reuses the connection only for settings that are equal in all but
    the identity. A connection belongs to the execution environment, not to an event loop.

    Args:
        place: Where the connection is kept between invocations.

    Attributes:
        state: ``new``, ``reused`` or ``replaced``, once the invocation has connected.
    """

    def __init__(self, place: WarmConnection) -> None:
        self._place = place
        self._check: asyncio.Task[bool] | None = None
        self._in_use: tuple[ServiceClient, ConnectConfig] | None = None
        self.state: str | None = None

    def begin_check(self) -> None:
        """Begin to check the kept connection, while the configure callback runs.

        A connection used within the last seconds is trusted as it is.
        """
        kept = self._place.kept
        if kept and not 0 <= self._place.clock() - kept.used_at < TRUSTED_SECONDS:
            self._check = asyncio.create_task(_is_healthy(kept.client))

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
        """
        arguments = dict(connect_config)
        target = Target.of(arguments)
        arguments["target_host"] = target.address
        if identity and not arguments.get("identity"):
            arguments["identity"] = identity
        self.state = "new"
        if reuse:
            arguments["plugins"] = [*arguments.get("plugins", []), self]
        else:
            self._place.take()
        try:
            async with at_most(limit):
                return await Client.connect(**arguments)
        except TimeExpired:
            raise target.silent(limit) from None
        except (RuntimeError, RPCError, ValueError) as error:
            # No cause: it repeats what the server says, which may be a credential.
            raise target.failed(error) from None

    def keep(self) -> None:
        """Put the connection back for the next invocation; nothing of this one uses it any more."""
        if self._in_use:
            self._place.kept = Kept(*self._in_use, used_at=self._place.clock())

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See base class."""
        return config

    async def connect_service_client(self, config: ConnectConfig, next: Connect) -> ServiceClient:
        """See base class."""
        kept, made_for = self._place.take(), _snapshot(config)
        if kept:
            if kept.made_for == made_for and (self._check is None or await self._check):
                self.state = "reused"
                # An earlier invocation's code may have changed these on its client.
                kept.client.update_rpc_metadata(config.rpc_metadata)
                kept.client.update_api_key(config.api_key)
                self._in_use = kept.client, made_for
                return _with_identity(kept.client, config.identity)
            self.state = "replaced"
        client = await next(config)
        self._in_use = client, made_for
        return client


async def _is_healthy(client: ServiceClient) -> bool:
    try:
        return await client.check_health(timeout=timedelta(seconds=CHECK_SECONDS))
    except RPCError:
        return False


def _snapshot(config: ConnectConfig) -> ConnectConfig:
    """All that makes a connection different, beyond the reach of later changes; no identity."""
    return dataclasses.replace(
        config,
        identity="any",
        rpc_metadata=dict(config.rpc_metadata),
        tls=copy.copy(config.tls),
    )


def _with_identity(client: ServiceClient, identity: str) -> ServiceClient:
    """The same connection under another identity, for this invocation's own calls."""
    view = copy.copy(client)
    view.config = dataclasses.replace(client.config, identity=identity)
    return view
