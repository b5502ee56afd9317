"""Canceling a workflow without its function, which may be too busy to be asked.

This alone needs Temporal's SDK where Dagster runs, and loads it where it is used.
"""

from __future__ import annotations

import asyncio

from temporal_lambda.dagster.launching.config import TemporalConfig
from temporal_lambda.dagster.protocol import WORKFLOW_ID
from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.timeouts import at_most


class DirectCancelError(TemporalLambdaError):
    """The server did not take the request, or knows no such workflow."""


def cancel_workflow(config: TemporalConfig, run_id: str, seconds: float) -> None:
    """Ask the Temporal server to cancel the workflow of a run. That it has ended is not awaited.

    Args:
        config: How the server is reached.
        run_id: The run.
        seconds: How long it may take.

    Raises:
        DirectCancelError: The server did not take the request.
    """
    try:
        asyncio.run(_cancel(config, run_id, seconds))
    # The SDK has errors of several kinds for a server that can't be reached.
    except Exception as error:
        raise DirectCancelError(f"{type(error).__name__}: {error}") from None


async def _cancel(config: TemporalConfig, run_id: str, seconds: float) -> None:
    from temporalio.client import Client
    from temporalio.envconfig import ClientConfig

    connect = ClientConfig.load_client_connect_config(
        config.profile, config_file=config.config_file
    )
    if config.address:
        connect["target_host"] = config.address
    if config.namespace:
        connect["namespace"] = config.namespace
    if config.api_key:
        connect["api_key"] = config.api_key
    async with at_most(seconds):
        client = await Client.connect(**connect)
        await client.get_workflow_handle(WORKFLOW_ID.format(run_id=run_id)).cancel()
