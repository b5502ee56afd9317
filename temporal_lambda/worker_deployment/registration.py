"""Makes a Lambda function the compute of a worker deployment version."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Payload
from temporalio.api.compute.v1 import (
    ComputeConfig,
    ComputeConfigScalingGroup,
    ComputeConfigScalingGroupUpdate,
    ComputeProvider,
    ComputeScaler,
)
from temporalio.api.workflowservice.v1 import (
    CreateWorkerDeploymentRequest,
    CreateWorkerDeploymentVersionRequest,
    DeleteWorkerDeploymentVersionRequest,
    UpdateWorkerDeploymentVersionComputeConfigRequest,
    UpdateWorkerDeploymentVersionMetadataRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCStatusCode

from temporal_lambda.worker_deployment.calls import call, message

SCALING_GROUP = "default"
PROVIDER = "aws-lambda"
SCALER = "no-sync"


@dataclass(frozen=True)
class Compute:
    """The Lambda function that the server's worker controller invokes for a version.

    Args:
        arn: ARN of the function; in production that of a published version, ``...:name:5``.
        role: ARN of the IAM role that the controller assumes to invoke it; ``None`` only for a
            server that was told to do without.
        external_id: What it says when it assumes the role.

    Example:
        >>> Compute("arn:aws:lambda:us-east-1:123456789012:function:greeting:5").role is None
        True
    """

    arn: str
    role: str | None = None
    external_id: str | None = field(default=None, repr=False)

    def to_message(self) -> ComputeConfigScalingGroup:
        """As the server's API has it."""
        details = {"arn": self.arn, "role": self.role, "role_external_id": self.external_id}
        given = {key: value for key, value in details.items() if value}
        return ComputeConfigScalingGroup(
            provider=ComputeProvider(type=PROVIDER, details=_payload(given)),
            scaler=ComputeScaler(type=SCALER),
        )

    @classmethod
    def from_message(cls, config: ComputeConfig) -> Compute | None:
        """From what the server says of a version; ``None`` where it has no Lambda function."""
        for group in config.scaling_groups.values():
            if group.provider.type == PROVIDER and group.provider.details.data:
                details = json.loads(group.provider.details.data)
                return cls(
                    details.get("arn", ""), details.get("role"), details.get("role_external_id")
                )
        return None


async def register(client: Client, version: WorkerDeploymentVersion, compute: Compute) -> None:
    """Create the deployment and the version, with a Lambda function as its compute.

    The server's worker controller then invokes the function once, to learn which task queues it
    serves. An existing version is pointed at the function, and that is invoked, too.

    Args:
        client: Connected to the server.
        version: The function's deployment name and build id.
        compute: The function.

    Raises:
        WorkerDeploymentError: The server refuses, for instance because it has no worker controller,
            or may not assume the role, or may not invoke the function.
    """
    await create_deployment(client, version.deployment_name)
    if not await create_version(client, version, compute):
        await point_at(client, version, compute)


async def create_deployment(client: Client, name: str) -> None:
    """Create a worker deployment; nothing happens if there is one of that name."""
    await call(
        f"the server does not create worker deployment {name}",
        client.workflow_service.create_worker_deployment,
        CreateWorkerDeploymentRequest(
            namespace=client.namespace,
            deployment_name=name,
            identity=client.identity,
            request_id=str(uuid.uuid4()),
        ),
        unless=(RPCStatusCode.ALREADY_EXISTS,),
    )


async def create_version(
    client: Client, version: WorkerDeploymentVersion, compute: Compute
) -> bool:
    """Create a version of a deployment. The controller invokes its function once.

    Returns:
        Whether it was created; ``False`` if there is one.
    """
    created = await call(
        f"the server does not create build {version.build_id} of {version.deployment_name}",
        client.workflow_service.create_worker_deployment_version,
        CreateWorkerDeploymentVersionRequest(
            namespace=client.namespace,
            deployment_version=message(version),
            compute_config=ComputeConfig(scaling_groups={SCALING_GROUP: compute.to_message()}),
            identity=client.identity,
            request_id=str(uuid.uuid4()),
        ),
        unless=(RPCStatusCode.ALREADY_EXISTS,),
    )
    return created is not None


async def point_at(client: Client, version: WorkerDeploymentVersion, compute: Compute) -> None:
    """Make a function the compute of an existing version. The controller invokes it once,
    even if it is the same function as before.
    """
    update = ComputeConfigScalingGroupUpdate(
        scaling_group=compute.to_message(), update_mask=FieldMask(paths=["provider", "scaler"])
    )
    await call(
        f"the server does not point build {version.build_id} of {version.deployment_name} at "
        f"{compute.arn}",
        client.workflow_service.update_worker_deployment_version_compute_config,
        UpdateWorkerDeploymentVersionComputeConfigRequest(
            namespace=client.namespace,
            deployment_version=message(version),
            compute_config_scaling_groups={SCALING_GROUP: update},
            identity=client.identity,
            request_id=str(uuid.uuid4()),
        ),
    )


async def set_metadata(
    client: Client, version: WorkerDeploymentVersion, entries: Mapping[str, Any]
) -> None:
    """Attach JSON values to a version, by name."""
    await call(
        f"the server does not take metadata of build {version.build_id}",
        client.workflow_service.update_worker_deployment_version_metadata,
        UpdateWorkerDeploymentVersionMetadataRequest(
            namespace=client.namespace,
            deployment_version=message(version),
            upsert_entries={name: _payload(value) for name, value in entries.items()},
            identity=client.identity,
        ),
    )


async def delete_version(client: Client, version: WorkerDeploymentVersion) -> None:
    """Delete a version that nothing is routed to, and no workflow is pinned to."""
    await call(
        f"the server does not delete build {version.build_id} of {version.deployment_name}",
        client.workflow_service.delete_worker_deployment_version,
        DeleteWorkerDeploymentVersionRequest(
            namespace=client.namespace,
            deployment_version=message(version),
            identity=client.identity,
        ),
        unless=(RPCStatusCode.NOT_FOUND,),
    )


def _payload(value: Any) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())
