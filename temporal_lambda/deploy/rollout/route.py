"""New workflows go to a build, all of them or a share, and nobody starts one too early."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.rollout.journal import Journal
from temporal_lambda.worker_deployment.routing import set_current, set_ramping, wait_until_routed
from temporal_lambda.worker_deployment.states import (
    DeploymentState,
    describe_deployment,
    describe_version,
)


async def route(
    client: Client,
    version: WorkerDeploymentVersion,
    ramp: float | None,
    journal: Journal,
    *,
    ignore_missing_task_queues: bool,
) -> None:
    """Route new workflows to a build, and wait until all task queues know of it.

    Args:
        client: Connected to the server.
        version: The build, and its deployment.
        ramp: Percent of the new workflows; all of them if ``None``.
        journal: Notes what is done.
        ignore_missing_task_queues: Whether it may lack a task queue of the current build.

    Raises:
        TemporalLambdaError: It lacks one, or the routing was changed by somebody else meanwhile, or
            the server refuses.
    """
    name, build = version.deployment_name, version.build_id
    deployment = await describe_deployment(client, name)
    what = f"routing of {name}"
    if deployment and _is_routed(deployment, build, ramp):
        journal.unchanged(what, f"{deployment.share(build):g} % to build {build}")
    else:
        if deployment and not ignore_missing_task_queues:
            await _require_task_queues(client, version, deployment)
        if deployment and deployment.ramping and (ramp is None or deployment.ramping != build):
            deployment = await end_ramp(client, deployment, journal)
        await _change(client, version, ramp, journal, deployment, ignore_missing_task_queues)
    if not journal.dry_run:
        await wait_until_routed(client, name)


def _is_routed(deployment: DeploymentState, build: str, ramp: float | None) -> bool:
    if ramp is None:
        return deployment.current == build and deployment.ramping is None
    return deployment.share(build) == ramp


async def _change(
    client: Client,
    version: WorkerDeploymentVersion,
    ramp: float | None,
    journal: Journal,
    deployment: DeploymentState | None,
    ignore: bool,
) -> None:
    name, build = version.deployment_name, version.build_id
    token = deployment.conflict_token if deployment else b""
    if ramp is None:
        await journal.change(
            f"routing of {name}",
            f"all to build {build}",
            lambda: set_current(
                client, version, conflict_token=token, ignore_missing_task_queues=ignore
            ),
        )
        return
    await journal.change(
        f"routing of {name}",
        f"{ramp:g} % to build {build}",
        lambda: set_ramping(
            client, name, build, ramp, conflict_token=token, ignore_missing_task_queues=ignore
        ),
    )


async def end_ramp(
    client: Client, deployment: DeploymentState, journal: Journal
) -> DeploymentState:
    """Route all new workflows to the current build.

    A ramp is ended before another build is routed to: a ramping build that becomes current at once
    leaves the server's routing in progress for ever (seen with 1.32).

    Returns:
        The deployment as it is then.
    """
    name = deployment.name
    await journal.change(
        f"ramp to build {deployment.ramping}",
        "end",
        lambda: set_ramping(client, name, None, 0, conflict_token=deployment.conflict_token),
    )
    if journal.dry_run:
        return deployment
    await wait_until_routed(client, name)
    return await describe_deployment(client, name) or deployment


async def _require_task_queues(
    client: Client, version: WorkerDeploymentVersion, deployment: DeploymentState
) -> None:
    """Refuse a build that lacks a task queue of the current one.

    The server does so as well, but only for queues that were polled within five minutes.
    """
    if not deployment.current:
        return
    now = await describe_version(
        client, WorkerDeploymentVersion(deployment.name, deployment.current)
    )
    new = await describe_version(client, version)
    missing = set(now.task_queues) - set(new.task_queues) if now and new else set()
    if missing:
        raise DeployError(
            f"build {version.build_id} lacks task queues of the current build "
            f"{deployment.current}: {', '.join(sorted(missing))}. Work on them would find no "
            "worker; pass --ignore-missing-task-queues if that is meant"
        )
