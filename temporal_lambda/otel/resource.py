"""The resource that telemetry describes: this function in this execution environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from functools import cache

from opentelemetry.sdk.resources import Resource
from opentelemetry.semconv.resource import (
    CloudPlatformValues,
    CloudProviderValues,
    ResourceAttributes,
)

VARIABLES = {
    ResourceAttributes.CLOUD_REGION: "AWS_REGION",
    ResourceAttributes.FAAS_NAME: "AWS_LAMBDA_FUNCTION_NAME",
    ResourceAttributes.FAAS_VERSION: "AWS_LAMBDA_FUNCTION_VERSION",
    ResourceAttributes.FAAS_INSTANCE: "AWS_LAMBDA_LOG_STREAM_NAME",
}
"""Attributes that Lambda provides as environment variables."""

MEGABYTE = 1024 * 1024


def lambda_resource(service_name: str, environ: Mapping[str, str] = os.environ) -> Resource:
    """The resource of this function, following the semantic conventions for FaaS.

    ``OTEL_RESOURCE_ATTRIBUTES`` overrides what Lambda provides.

    Args:
        service_name: The attribute ``service.name``.
        environ: Environment variables.

    Example:
        >>> resource = lambda_resource("orders", {"AWS_LAMBDA_FUNCTION_NAME": "orders-prod"})
        >>> resource.attributes["service.name"], resource.attributes["faas.name"]
        ('orders', 'orders-prod')
    """
    attributes: dict[str, str | int] = {
        name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)
    }
    if attributes:
        attributes[ResourceAttributes.CLOUD_PROVIDER] = CloudProviderValues.AWS.value
        attributes[ResourceAttributes.CLOUD_PLATFORM] = CloudPlatformValues.AWS_LAMBDA.value
    if memory := environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "").strip():
        # Lambda counts in MiB, the convention in bytes.
        attributes[ResourceAttributes.FAAS_MAX_MEMORY] = int(memory) * MEGABYTE
    attributes[ResourceAttributes.SERVICE_INSTANCE_ID] = _instance_id()
    own = Resource(attributes)
    return own.merge(Resource.create({ResourceAttributes.SERVICE_NAME: service_name}))


@cache
def _instance_id() -> str:
    """A random id of this process, made when it is first asked for: in an invocation.

    Nothing that Lambda provides would do: the processes of a Managed Instance share a log stream,
    the restores of a snapshot have none, and share all that was made before it.
    """
    return str(uuid.uuid4())
