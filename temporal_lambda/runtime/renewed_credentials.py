"""Connects with credentials from elsewhere, and with newer ones after a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from temporalio.client import Client

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import ConnectError

Connect = Callable[[dict[str, Any]], Awaitable[Client]]


async def connect_with_credentials(config: LambdaWorkerConfig, connect: Connect) -> Client:
    """Connect, with the credentials that the configuration names.

    Args:
        config: The invocation's configuration.
        connect: Connects with keyword arguments for ``Client.connect``.

    Raises:
        ConnectError: The server can't be reached, or refuses the newest credentials, too.
        Exception: The credentials can't be had.
    """
    arguments = cast(dict[str, Any], config.client_connect_config)
    if config.credentials is None:
        return await connect(arguments)
    await config.credentials.apply(arguments)
    try:
        return await connect(arguments)
    except ConnectError as error:
        if not await renew(config, error):
            raise
    return await connect(arguments)


async def renew(config: LambdaWorkerConfig, error: ConnectError) -> bool:
    """After a refusal, ask for newer credentials.

    Returns:
        Whether there are any, so that it is worth another try.
    """
    if not error.refused or config.credentials is None:
        return False
    return await config.credentials.refresh(cast(dict[str, Any], config.client_connect_config))
