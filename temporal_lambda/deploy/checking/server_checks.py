"""Findings about a worker deployment, from what the Temporal server says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from temporal_lambda.deploy.checking.findings import Finding
from temporal_lambda.deploy.rollout.inventory import Build
from temporal_lambda.worker_deployment.states import DeploymentState

MANY_VERSIONS = 90
"""Of the 100 that a deployment may have (server setting ``matching.maxVersionsInDeployment``)."""


def check_deployment(deployment: DeploymentState, found: Sequence[Build]) -> Iterator[Finding]:
    """Findings about a deployment and its builds.

    Args:
        deployment: The deployment.
        found: Its builds.
    """
    if deployment.current is None:
        yield Finding(
            "no-current-build",
            "error",
            f"{deployment.name} has no current build",
            "new workflows wait until there is one",
            "deploy one",
        )
    if not deployment.routed:
        yield Finding(
            "routing",
            "warning",
            f"the routing of {deployment.name} is not known to all task queues",
            "a workflow that starts now may wait where no worker looks",
            "wait a second and look again; if it stays, end the ramp and route anew",
        )
    if len(found) >= MANY_VERSIONS:
        yield Finding(
            "many-builds",
            "warning",
            f"{deployment.name} has {len(found)} builds",
            "a deployment may have 100, and then no other goes out unless one is drained",
            "delete drained ones with 'clean-up'",
        )
    for build in found:
        if not build.deletable:
            yield from _check_build(build)


def _check_build(build: Build) -> Iterator[Finding]:
    what = f"build {build.build_id}"
    if build.function is None:
        yield Finding(
            "no-compute",
            "error",
            f"{what} has no Lambda function",
            "it was polled before it was registered, and the controller invokes nothing for it",
            "run 'deploy' for it; that points it at its function",
        )
        return
    qualifier = build.function.split(":")[7:]
    if qualifier in ([], ["$LATEST"]):
        yield Finding(
            "unqualified-arn",
            "error",
            f"{what} points at {build.function}, which is not a published version",
            "workflows pinned to it go on with whatever code is uploaded next",
            "register a published version, as 'deploy' does",
        )
    if not build.task_queues:
        yield Finding(
            "no-task-queue",
            "error",
            f"{what} serves no task queue",
            "no worker of it has polled yet: its function may be broken",
            "run 'deploy' for it; that invokes it and says what its log says",
        )
    elif build.problem:
        yield Finding(
            "validation",
            "error",
            f"{what}: {build.problem}",
            "the server can't reach its function",
            "mend the function or the invoke role",
        )
