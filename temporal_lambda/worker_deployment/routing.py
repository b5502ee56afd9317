"""Says which version new workflows go to, and waits until that is so."""

from __future__ import annotations

import asyncio
import time

from temporalio.api.workflowservice.v1 import (
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.worker_deployment.binding import PAUSE
from temporal_lambda.worker_deployment.calls import call
from temporal_lambda.worker_deployment.states import describe_deployment


async def set_current(
    client: Client,
    version: WorkerDeploymentVersion,
    *,
    conflict_token: bytes = b"",
    ignore_missing_task_queues: bool = False,
    patience: float = 3.0,
) -> None:
    """Route all new workflows to a version. Wait with :py:func:`wait_until_routed` before one
    starts.

    Args:
        client: Connected to the server.
        version: The version. It must be bound, see :py:func:`wait_until_bound`: the server makes a
            version current that no worker has ever served, if there is no current version yet.
            Nor may it be ramping, or the routing stays in progress for ever (seen with server
            1.32): end the ramp first, with ``set_ramping(client, name, None, 0)``, and wait.
        conflict_token: Of a :py:class:`DeploymentState`: the call is refused if the routing has
            changed since. Empty to do without.
        ignore_missing_task_queues: Go on if the version lacks a task queue of the current one.
        patience: Seconds to go on trying while the server says that it does; a worker polls its
            queues one after the other.

    Raises:
        WorkerDeploymentError: The server refuses.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=version.deployment_name,
        build_id=version.build_id,
        conflict_token=conflict_token,
        identity=client.identity,
        ignore_missing_task_queues=ignore_missing_task_queues,
    )
    gives_up = time.monotonic() + patience
    while True:
        try:
            await call(
                f"the server does not make build {version.build_id} current",
                client.workflow_service.set_worker_deployment_current_version,
                request,
            )
            return
        except WorkerDeploymentError as error:
            if "missing active task queues" not in str(error) or time.monotonic() > gives_up:
                raise
        await asyncio.sleep(PAUSE)


async def set_ramping(
    client: Client,
    deployment_name: str,
    build_id: str | None,
    percentage: float,
    *,
    conflict_token: bytes = b"",
    ignore_missing_task_queues: bool = False,
) -> None:
    """Route a share of the new workflows to a version, or end that.

    Args:
        client: Connected to the server.
        deployment_name: The deployment.
        build_id: The build; ``None`` to route all new workflows to the current version.
        percentage: The share, from 0 to 100.
        conflict_token: As for :py:func:`set_current`.
        ignore_missing_task_queues: As for :py:func:`set_current`.

    Raises:
        WorkerDeploymentError: The server refuses.
    """
    await call(
        f"the server does not ramp to build {build_id}" if build_id else "the ramp does not end",
        client.workflow_service.set_worker_deployment_ramping_version,
        SetWorkerDeploymentRampingVersionRequest(
            namespace=client.namespace,
            deployment_name=deployment_name,
            build_id=build_id or "",
            percentage=percentage if build_id else 0,
            conflict_token=conflict_token,
            identity=client.identity,
            ignore_missing_task_queues=ignore_missing_task_queues,
        ),
    )


async def wait_until_routed(client: Client, deployment_name: str, timeout: float = 120.0) -> None:
    """Wait until all task queues know of the routing that was set last: about a second, and on a
    busy server now and then over a minute.

    A workflow that starts before may wait where no worker looks, and the worker controller would
    not be told; only the next start would free it.

    Args:
        client: Connected to the server.
        deployment_name: The deployment.
        timeout: Seconds.

    Raises:
        WorkerDeploymentError: There is no such deployment, or it took longer.
    """
    gives_up = time.monotonic() + timeout
    while time.monotonic() < gives_up:
        state = await describe_deployment(client, deployment_name)
        if state is None:
            raise WorkerDeploymentError(f"there is no worker deployment {deployment_name}")
        if state.routed:
            return
        await asyncio.sleep(PAUSE)
    raise WorkerDeploymentError(
        f"the server did not route to the versions of {deployment_name} within {timeout:.0f} s"
    )
