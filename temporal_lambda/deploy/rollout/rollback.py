"""New workflows go to an earlier build again. Nothing changes in AWS."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.rollout.journal import Journal
from temporal_lambda.deploy.rollout.route import end_ramp, route
from temporal_lambda.worker_deployment.states import DeploymentState, describe_deployment


async def roll_back(
    client: Client,
    name: str,
    to: str | None,
    journal: Journal,
    *,
    only_ramp: bool = False,
    ignore_missing_task_queues: bool = False,
) -> None:
    """Route new workflows to an earlier build.

    Args:
        client: Connected to the server.
        name: The worker deployment.
        to: The build. If ``None``, a ramp is ended; without a ramp, it is the build that was
            current before.
        journal: Notes what is done.
        only_ramp: Whether to do nothing where there is no ramp.
        ignore_missing_task_queues: Whether it may lack a task queue of the current build.

    Raises:
        TemporalLambdaError: There is no such deployment or build, or the server refuses.
    """
    deployment = await _read(client, name)
    if deployment.ramping and to is None:
        await end_ramp(client, deployment, journal)
        return
    if only_ramp:
        journal.unchanged(f"routing of {name}", "there is no ramp")
        return
    if deployment.current is None and to is None:
        raise DeployError(f"deployment {name} has no current build: name one with --to")
    build = to or _previous(deployment)
    summary = deployment.find(build)
    if summary is None:
        known = ", ".join(version.build_id for version in deployment.versions)
        raise DeployError(f"deployment {name} has no build {build}; it has {known}")
    if summary.validation_error:
        raise DeployError(
            f"build {build} can't be reached by the server any more: {summary.validation_error}"
        )
    await route(
        client,
        WorkerDeploymentVersion(name, build),
        None,
        journal,
        ignore_missing_task_queues=ignore_missing_task_queues,
    )


async def _read(client: Client, name: str) -> DeploymentState:
    deployment = await describe_deployment(client, name)
    if deployment is None:
        raise DeployError(f"there is no worker deployment {name} in namespace {client.namespace}")
    return deployment


def _previous(deployment: DeploymentState) -> str:
    """The build that was current last, of those registered before the current one.

    Another call finds the one before that, or none: it never goes forward again.
    """
    at = [version.build_id for version in deployment.versions].index(deployment.current or "")
    earlier = {
        version.last_current: version.build_id
        for version in deployment.versions[at + 1 :]
        if version.last_current
    }
    if not earlier:
        raise DeployError(
            f"deployment {deployment.name} has no build that was current before "
            f"{deployment.current}: name one with --to"
        )
    return earlier[max(earlier)]
