"""Registers a function as the compute of a worker deployment version, as in production."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.compute.v1 import (
    ComputeConfig,
    ComputeConfigScalingGroup,
    ComputeConfigScalingGroupUpdate,
    ComputeProvider,
    ComputeScaler,
)
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionMessage
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import (
    CreateWorkerDeploymentRequest,
    CreateWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateWorkerDeploymentVersionComputeConfigRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from temporal_lambda.local.errors import LocalStackError

SCALING_GROUP = "default"
ROUTED = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED


async def register(client: Client, version: WorkerDeploymentVersion, arn: str) -> None:
    """Create the deployment and the version, with a Lambda function as its compute.

    The server's worker controller then invokes the function once, to learn which task queues it
    serves. An existing version is updated to use the function.

    Args:
        client: Connected to the server.
        version: The function's deployment name and build id.
        arn: The function's ARN.

    Raises:
        LocalStackError: The server refuses, for instance because it has no worker controller.
    """
    service, namespace = client.workflow_service, client.namespace
    await _unless_exists(
        service.create_worker_deployment(
            CreateWorkerDeploymentRequest(
                namespace=namespace,
                deployment_name=version.deployment_name,
                request_id=str(uuid.uuid4()),
            )
        )
    )
    created = await _unless_exists(
        service.create_worker_deployment_version(
            CreateWorkerDeploymentVersionRequest(
                namespace=namespace,
                deployment_version=_message(version),
                compute_config=ComputeConfig(scaling_groups={SCALING_GROUP: _scaling_group(arn)}),
                request_id=str(uuid.uuid4()),
            )
        )
    )
    if not created:
        await _unless_exists(
            service.update_worker_deployment_version_compute_config(
                UpdateWorkerDeploymentVersionComputeConfigRequest(
                    namespace=namespace,
                    deployment_version=_message(version),
                    compute_config_scaling_groups={
                        SCALING_GROUP: ComputeConfigScalingGroupUpdate(
                            scaling_group=_scaling_group(arn),
                            update_mask=FieldMask(paths=["provider", "scaler"]),
                        )
                    },
                    request_id=str(uuid.uuid4()),
                )
            )
        )


async def wait_until_bound(
    client: Client,
    version: WorkerDeploymentVersion,
    timeout: float,
    failed: Callable[[], str | None],
) -> str:
    """Wait until the server knows which task queue the version serves.

    Args:
        client: Connected to the server.
        version: The version.
        timeout: Seconds.
        failed: Returns the reason if it can't succeed any more, else ``None``.

    Returns:
        The task queue.

    Raises:
        LocalStackError: No worker polled under the version in time, or ``failed`` gave a reason.
    """
    request = DescribeWorkerDeploymentVersionRequest(
        namespace=client.namespace, deployment_version=_message(version)
    )
    gives_up = time.monotonic() + timeout
    while time.monotonic() < gives_up:
        response = await client.workflow_service.describe_worker_deployment_version(request)
        for queue in response.version_task_queues:
            return queue.name
        if reason := failed():
            raise LocalStackError(reason)
        await asyncio.sleep(0.05)
    raise LocalStackError(
        f"deployment {version.deployment_name} version {version.build_id} served no task queue "
        f"within {timeout:.0f} s: does its handler poll, and under this very version?"
    )


async def set_current(client: Client, version: WorkerDeploymentVersion, timeout: float) -> None:
    """Route new workflows to the version, and wait until the routing is in effect.

    A workflow that is started before the routing has reached its task queue waits where no worker
    polls, and the controller gets no signal.

    Args:
        client: Connected to the server.
        version: The version.
        timeout: Seconds to keep trying until the server knows the task queue.

    Raises:
        LocalStackError: The server refuses, or does not finish in time.
    """
    service = client.workflow_service
    gives_up = time.monotonic() + timeout
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=version.deployment_name,
        build_id=version.build_id,
    )
    while True:
        try:
            await service.set_worker_deployment_current_version(request)
            break
        except RPCError as error:
            if error.status != RPCStatusCode.FAILED_PRECONDITION or time.monotonic() > gives_up:
                raise LocalStackError(f"the server did not make it current: {error}") from error
            await asyncio.sleep(0.05)
    describe = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=version.deployment_name
    )
    while time.monotonic() < gives_up:
        info = (await service.describe_worker_deployment(describe)).worker_deployment_info
        if info.routing_config_update_state == ROUTED:
            return
        await asyncio.sleep(0.05)
    raise LocalStackError(f"the server did not route to {version} within {timeout:.0f} s")


def _message(version: WorkerDeploymentVersion) -> VersionMessage:
    return VersionMessage(deployment_name=version.deployment_name, build_id=version.build_id)


def _scaling_group(arn: str) -> ComputeConfigScalingGroup:
    details = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps({"arn": arn}).encode())
    return ComputeConfigScalingGroup(
        provider=ComputeProvider(type="aws-lambda", details=details),
        scaler=ComputeScaler(type="no-sync"),
    )


async def _unless_exists(call: Any) -> Message | None:
    try:
        response: Message = await call
        return response
    except RPCError as error:
        if error.status == RPCStatusCode.ALREADY_EXISTS:
            return None
        raise LocalStackError(
            f"the server refuses the worker deployment: {error}. A server of your own must run "
            "with its worker controller on and AWS_ENDPOINT_URL_LAMBDA set to the local Lambda; "
            "docs/local.md lists the settings"
        ) from error
