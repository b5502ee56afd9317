"""Clients of AWS and of Temporal for the commands, and their failures in clear words."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.runtime.connect_errors import Target
from temporal_lambda.settings.sources import load_settings

TIMEOUTS = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard"})
"""botocore's own limits, in seconds; an upload of 50 MB must fit."""

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def aws(service: str, region: str | None = None) -> Any:
    """A client of an AWS service, by AWS's own environment variables and profiles.

    Raises:
        DeployError: No region is set, or the profile does not exist.
    """
    try:
        return boto3.client(service, region_name=region, config=TIMEOUTS)
    except NoRegionError:
        raise DeployError("no AWS region is set: pass --region, or set AWS_REGION") from None
    except BotoCoreError as error:
        raise DeployError(f"AWS can't be used: {error}") from None


def ask_aws(
    what: str, call: Callable[..., Any], *, unless: tuple[str, ...] = (), **arguments: Any
) -> Any:
    """Call AWS.

    Args:
        what: What is done, to name in an error.
        call: A method of a client.
        unless: Codes of errors that are an answer.
        arguments: Its arguments.

    Returns:
        The response, or ``None`` for one of those errors.

    Raises:
        DeployError: AWS refuses, or can't be reached.
    """
    try:
        return call(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in unless:
            return None
        message = error.response["Error"].get("Message", "")
        remedy = ""
        if code in DENIED:
            remedy = (
                f". The identity that runs this command needs {_action(error)}; docs/deploy.md "
                "lists what it needs"
            )
        raise DeployError(f"{what}: {code}: {message}{remedy}") from None
    except NoCredentialsError:
        raise DeployError(
            f"{what}: there are no AWS credentials: log in with 'aws sso login', or set AWS_PROFILE"
        ) from None
    except BotoCoreError as error:
        raise DeployError(f"{what}: {error}") from None


def _action(error: ClientError) -> str:
    return f"permission for {error.operation_name}"


async def connect() -> Client:
    """A client of Temporal, by ``temporal.toml`` and ``TEMPORAL_*`` variables.

    Raises:
        SettingsError: They can't be used.
        ConnectError: The server can't be reached, or refuses.
        DeployError: It has no worker controller.
    """
    config = dict(load_settings(os.environ).connect)
    target = Target.of(config)
    config.setdefault("target_host", target.address)
    try:
        client = await Client.connect(**config)
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except (RuntimeError, ValueError, RPCError) as error:
        raise target.error_for(error) from None
    if not info.capabilities.server_scaled_deployments:
        raise DeployError(
            f"the Temporal server at {target.address} has no worker controller, which invokes "
            "Lambda functions: a server of your own needs 1.31 or later"
        )
    return client
