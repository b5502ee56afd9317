"""Calls to the server's deployment API: bounded, and with errors that say what was refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionMessage
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from temporal_lambda.errors import WorkerDeploymentError

TIMEOUT = timedelta(seconds=45)
"""For one call. A version whose function is throttled takes 30 s to be refused."""

Response = TypeVar("Response")


async def call(
    what: str,
    rpc: Callable[..., Awaitable[Response]],
    request: Any,
    *,
    unless: tuple[RPCStatusCode, ...] = (),
) -> Response | None:
    """Call the server.

    Args:
        what: What is done, to name in an error.
        rpc: A method of the workflow service.
        request: Its request.
        unless: Refusals that are an answer.

    Returns:
        The response, or ``None`` for one of those refusals.

    Raises:
        WorkerDeploymentError: The server refuses, or does not answer.
    """
    try:
        return await rpc(request, timeout=TIMEOUT)
    except RPCError as error:
        if error.status in unless:
            return None
        remedy = ""
        if "conflict token" in error.message:
            remedy = ". Somebody else has changed the routing meanwhile: look at it, and try again"
        raise WorkerDeploymentError(
            f"{what}: {error.status.name}: {error.message}{remedy}"
        ) from error


def message(version: WorkerDeploymentVersion) -> VersionMessage:
    """A version as the server's API has it."""
    return VersionMessage(deployment_name=version.deployment_name, build_id=version.build_id)
