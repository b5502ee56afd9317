"""The warm connection: made once per execution environment, used while it is healthy."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

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


class WarmConnection(Plugin):
    """A client plugin that keeps one service connection between invocations.

    It stands innermost in the plugin chain, so it sees what all other plugins made of the
    connection settings, and it reuses the connection only for settings that are equal in all but
    the identity. A connection belongs to the execution environment, not to an event loop.

    Args:
        clock: Returns seconds of wall time, since a frozen environment's monotonic clock may stand
            still with it.

    Attributes:
        state: ``new``, ``reused`` or ``replaced``, once an invocation has connected.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: ServiceClient | None = None
        self._made_for: ConnectConfig | None = None
        self._used_at = 0.0
        self._check: asyncio.Task[bool] | None = None
        self.state = "new"

    def begin_check(self) -> None:
        """Begin to check the kept connection, while the configure callback runs.

        A connection used within the last seconds is trusted as it is.
        """
        self._check = None
        if self._client and not 0 <= self._clock() - self._used_at < TRUSTED_SECONDS:
            self._check = asyncio.create_task(_is_healthy(self._client))

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
        if reuse:
            arguments["plugins"] = [*arguments.get("plugins", []), self]
        else:
            self.discard()
        try:
            async with at_most(limit):
                return await Client.connect(**arguments)
        except TimeExpired:
            raise target.silent(limit) from None
        except (RuntimeError, RPCError, ValueError) as error:
            # No cause: it repeats what the server says, which may be a credential.
            raise target.failed(error) from None

    def discard(self) -> None:
        """Forget the kept connection; the next invocation makes a new one."""
        self._client = None
        self.state = "new"

    def touch(self) -> None:
        """Note that the connection was in use until now."""
        self._used_at = self._clock()

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See base class."""
        return config

    async def connect_service_client(self, config: ConnectConfig, next: Connect) -> ServiceClient:
        """See base class."""
        kept = self._client
        if kept is None:
            self.state = "new"
        elif self._made_for != _snapshot(config):
            self.state = "replaced"
        elif self._check is None or await self._check:
            self.state = "reused"
            self.touch()
            # An earlier invocation's code may have changed these on its client.
            kept.update_rpc_metadata(config.rpc_metadata)
            kept.update_api_key(config.api_key)
            return _with_identity(kept, config.identity)
        else:
            self.state = "replaced"
        self._client = None
        self._made_for = _snapshot(config)
        self._client = await next(config)
        self.touch()
        return self._client


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
