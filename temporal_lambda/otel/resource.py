"""The resource that telemetry describes: this function in this execution environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from functools import cache

from opentelemetry.sdk.resources import Resource

from temporal_lambda.otel import names
from temporal_lambda.otel.variables import resource_attributes

VARIABLES = {
    names.CLOUD_REGION: "AWS_REGION",
    names.FAAS_NAME: "AWS_LAMBDA_FUNCTION_NAME",
    names.FAAS_VERSION: "AWS_LAMBDA_FUNCTION_VERSION",
    names.FAAS_INSTANCE: "AWS_LAMBDA_LOG_STREAM_NAME",
}
"""Attributes that Lambda provides as environment variables."""

MEGABYTE = 1024 * 1024


def lambda_resource(
    service_name: str, function_arn: str | None = None, environ: Mapping[str, str] = os.environ
) -> Resource:
    """The resource of this function, following the semantic conventions for FaaS.

    ``OTEL_RESOURCE_ATTRIBUTES`` overrides what Lambda provides.

    Args:
        service_name: The attribute ``service.name``.
        function_arn: The function's ARN, which has the account.
        environ: Environment variables.

    Example:
        >>> environ = {"AWS_LAMBDA_FUNCTION_NAME": "orders-prod"}
        >>> resource = lambda_resource("orders", environ=environ)
        >>> resource.attributes["service.name"], resource.attributes["faas.name"]
        ('orders', 'orders-prod')
    """
    attributes: dict[str, str | int | list[str]] = {
        name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)
    }
    if attributes:
        attributes[names.CLOUD_PROVIDER] = "aws"
        attributes[names.CLOUD_PLATFORM] = "aws_lambda"
    if account := _account(function_arn):
        attributes[names.CLOUD_ACCOUNT_ID] = account
    if group := environ.get("AWS_LAMBDA_LOG_GROUP_NAME"):
        # By this X-Ray finds the log lines of a trace.
        attributes[names.LOG_GROUPS] = [group]
    if memory := environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "").strip():
        # Lambda counts in MiB, the convention in bytes.
        attributes[names.FAAS_MAX_MEMORY] = int(memory) * MEGABYTE
    own = Resource(attributes).merge(Resource.create({names.SERVICE_NAME: service_name}))
    if names.SERVICE_INSTANCE_ID in resource_attributes(environ):
        return own
    # Some versions of the SDK make one as well, which the restores of a snapshot may share.
    return own.merge(Resource({names.SERVICE_INSTANCE_ID: _instance_id()}))


def _account(arn: str | None) -> str | None:
    """The account in a function's ARN.

    Example:
        >>> _account("arn:aws:lambda:us-east-1:123456789012:function:orders")
        '123456789012'
    """
    parts = (arn or "").split(":")
    return parts[4] if len(parts) > 6 and parts[4].isdigit() else None


@cache
def _instance_id() -> str:
    """A random id of this process, made when it is first asked for: in an invocation.

    Nothing that Lambda provides would do: the processes of a Managed Instance share a log stream,
    the restores of a snapshot have none, and share all that was made before it.
    """
    return str(uuid.uuid4())
