"""Deletes builds that nobody needs any more, with their published Lambda versions."""

from __future__ import annotations

from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy.connections import ask_aws
from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.rollout.inventory import Build, builds
from temporal_lambda.deploy.rollout.journal import Journal
from temporal_lambda.worker_deployment.registration import delete_version
from temporal_lambda.worker_deployment.states import describe_deployment


async def clean_up(client: Client, aws_lambda: Any, name: str, keep: int, journal: Journal) -> None:
    """Delete the builds of a deployment that get no workflows and have none left.

    The build on the server goes first: while it is there, it may be rolled back to, and needs its
    function.

    Args:
        client: Connected to the server.
        aws_lambda: boto3's client for Lambda.
        name: The worker deployment.
        keep: How many of them to keep, the newest, to roll back to.
        journal: Notes what is done.

    Raises:
        TemporalLambdaError: There is no such deployment, or something can't be deleted.
    """
    deployment = await describe_deployment(client, name)
    if deployment is None:
        raise DeployError(f"there is no worker deployment {name} in namespace {client.namespace}")
    found = await builds(client, deployment)
    used = {build.function for build in found if not build.deletable}
    deletable = [build for build in found if build.deletable]
    for build in deletable[:keep]:
        journal.unchanged(f"build {build.build_id}", "kept, to roll back to")
        used.add(build.function)
    for build in deletable[keep:]:
        await _delete(client, aws_lambda, name, build, journal, used)


async def _delete(
    client: Client,
    aws_lambda: Any,
    name: str,
    build: Build,
    journal: Journal,
    used: set[str | None],
) -> None:
    version = WorkerDeploymentVersion(name, build.build_id)
    await journal.change(
        f"build {build.build_id}", "delete", lambda: delete_version(client, version)
    )
    arn = build.function
    # An ARN without a version stands for the whole function.
    if arn is None or arn in used or arn.count(":") != 7 or arn.endswith(":$LATEST"):
        return
    await journal.change(
        f"Lambda version {':'.join(arn.split(':')[6:])}",
        "delete",
        lambda: ask_aws(
            f"{arn} can't be deleted",
            aws_lambda.delete_function,
            unless=("ResourceNotFoundException",),
            FunctionName=arn,
        ),
    )
