"""What the server knows of a worker deployment and of its versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import (
    RoutingConfigUpdateState,
    VersionDrainageStatus,
    WorkerDeploymentVersionStatus,
)
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCStatusCode

from temporal_lambda.worker_deployment.calls import call, message
from temporal_lambda.worker_deployment.registration import Compute

ROUTED = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED


@dataclass(frozen=True)
class VersionSummary:
    """A version, as the list of a deployment has it.

    Attributes:
        build_id: Its build id.
        status: ``created``, ``inactive``, ``current``, ``ramping``, ``draining`` or ``drained``.
        created: When it was created.
        last_current: When it was current for the last time; ``None`` if it never was.
        drainage: ``draining`` or ``drained``; ``None`` while workflows may start on it.
        validation_error: Why the server can't reach its function; ``None`` does not mean that it
            can.
    """

    build_id: str
    status: str
    created: datetime | None
    last_current: datetime | None
    drainage: str | None
    validation_error: str | None


@dataclass(frozen=True)
class DeploymentState:
    """A worker deployment.

    Attributes:
        name: Its name.
        current: The build that new workflows go to; ``None`` if there is none.
        ramping: The build that a share of them goes to.
        ramp: That share, in percent.
        routed: Whether all task queues know of the routing.
        versions: All versions, the newest first.
        conflict_token: Guards a change of the routing against another one meanwhile.
    """

    name: str
    current: str | None
    ramping: str | None
    ramp: float
    routed: bool
    versions: Sequence[VersionSummary]
    conflict_token: bytes = field(repr=False)

    def share(self, build_id: str) -> float:
        """The share of new workflows that a build gets, in percent."""
        if build_id == self.ramping:
            return self.ramp
        return 100.0 - (self.ramp if self.ramping else 0.0) if build_id == self.current else 0.0

    def find(self, build_id: str) -> VersionSummary | None:
        """A version by its build id."""
        return next((v for v in self.versions if v.build_id == build_id), None)


@dataclass(frozen=True)
class VersionState:
    """A version of a worker deployment.

    Attributes:
        version: Deployment name and build id.
        compute: Its Lambda function; ``None`` if it has none, and is served by whoever polls.
        task_queues: The task queues it is bound to.
        metadata: JSON values that were attached to it, by name.
    """

    version: WorkerDeploymentVersion
    compute: Compute | None
    task_queues: Sequence[str]
    metadata: Mapping[str, Any]


async def describe_deployment(client: Client, name: str) -> DeploymentState | None:
    """What the server knows of a deployment.

    Args:
        client: Connected to the server.
        name: The deployment's name.

    Returns:
        Its state, or ``None`` if there is no such deployment.

    Raises:
        WorkerDeploymentError: The server does not answer.
    """
    response = await call(
        f"the server does not describe worker deployment {name}",
        client.workflow_service.describe_worker_deployment,
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name),
        unless=(RPCStatusCode.NOT_FOUND,),
    )
    if response is None:
        return None
    info = response.worker_deployment_info
    routing = info.routing_config
    versions = [_summary(summary) for summary in info.version_summaries]
    versions.sort(key=lambda v: v.created or _LONG_AGO, reverse=True)
    return DeploymentState(
        name=name,
        current=routing.current_deployment_version.build_id or None,
        ramping=routing.ramping_deployment_version.build_id or None,
        ramp=routing.ramping_version_percentage,
        routed=info.routing_config_update_state == ROUTED,
        versions=versions,
        conflict_token=response.conflict_token,
    )


async def describe_version(client: Client, version: WorkerDeploymentVersion) -> VersionState | None:
    """What the server knows of a version.

    Args:
        client: Connected to the server.
        version: Deployment name and build id.

    Returns:
        Its state, or ``None`` if there is no such version.

    Raises:
        WorkerDeploymentError: The server does not answer.
    """
    response = await call(
        f"the server does not describe build {version.build_id} of {version.deployment_name}",
        client.workflow_service.describe_worker_deployment_version,
        DescribeWorkerDeploymentVersionRequest(
            namespace=client.namespace, deployment_version=message(version)
        ),
        unless=(RPCStatusCode.NOT_FOUND,),
    )
    if response is None:
        return None
    info = response.worker_deployment_version_info
    return VersionState(
        version=version,
        compute=Compute.from_message(info.compute_config),
        task_queues=sorted({queue.name for queue in response.version_task_queues}),
        metadata={
            name: json.loads(payload.data)
            for name, payload in info.metadata.entries.items()
            if payload.metadata.get("encoding") == b"json/plain"
        },
    )


_LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _summary(summary: WorkerDeploymentInfo.WorkerDeploymentVersionSummary) -> VersionSummary:
    return VersionSummary(
        build_id=summary.deployment_version.build_id,
        status=_word(WorkerDeploymentVersionStatus.Name(summary.status)) or "unknown",
        created=_time(summary.create_time),
        last_current=_time(summary.last_current_time),
        drainage=_word(VersionDrainageStatus.Name(summary.drainage_info.status)),
        validation_error=summary.compute_status.provider_validation.error_message or None,
    )


def _word(name: str) -> str | None:
    word = name.rpartition("_")[2].lower()
    return None if word == "unspecified" else word


def _time(stamp: Timestamp) -> datetime | None:
    return stamp.ToDatetime(timezone.utc) if stamp.seconds else None
