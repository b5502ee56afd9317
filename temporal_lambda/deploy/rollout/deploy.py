"""A build goes out: uploaded, published, registered, bound, routed to. Each step only if needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy.connections import aws
from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.deploy.rollout import explain
from temporal_lambda.deploy.rollout.event_delivery import set_delivery
from temporal_lambda.deploy.rollout.journal import Journal
from temporal_lambda.deploy.rollout.lambda_function import LambdaFunction
from temporal_lambda.deploy.rollout.route import route
from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.worker_deployment.binding import wait_until_bound
from temporal_lambda.worker_deployment.registration import (
    Compute,
    create_deployment,
    create_version,
    point_at,
    set_metadata,
)
from temporal_lambda.worker_deployment.states import (
    DeploymentState,
    VersionState,
    describe_deployment,
    describe_version,
)

METADATA = "temporal_lambda"
"""Name of the metadata that a deploy attaches to a version."""


@dataclass(frozen=True)
class Options:
    """How a build goes out.

    Args:
        invoke_role: ARN of the role that Temporal assumes.
        external_id: What it says when it does.
        on_failure: ARN of a queue or topic for invocations that Lambda gave up.
        ramp: Percent of new workflows that it gets; all of them if ``None``.
        route: Whether any workflow is routed to it.
        repoint: Whether a build that has another function or configuration may be pointed at this.
        ignore_missing_task_queues: Whether it may lack a task queue of the current build.
        bind_timeout: Seconds from its registration until its first worker has polled.
    """

    invoke_role: str | None = None
    external_id: str | None = None
    on_failure: str | None = None
    ramp: float | None = None
    route: bool = True
    repoint: bool = False
    ignore_missing_task_queues: bool = False
    bind_timeout: float = 40.0


class Rollout:
    """One build on its way.

    Args:
        client: Connected to the Temporal server.
        function: The Lambda function.
        report: What the zip is.
        options: How.
        journal: Notes what is done.
        logs: A function that makes boto3's client for CloudWatch Logs.
    """

    def __init__(
        self,
        client: Client,
        function: LambdaFunction,
        report: Report,
        options: Options,
        journal: Journal,
        logs: Callable[[], Any] = lambda: aws("logs"),
    ) -> None:
        if not report.deployment_name or not report.build_id:
            raise DeployError(
                f"the version of {report.zip} is unknown ({report.version_unknown_because}): "
                "package it with --deployment-name and --build-id"
            )
        self._client = client
        self._function = function
        self._report = report
        self._options = options
        self._journal = journal
        self._logs = logs
        self.version = WorkerDeploymentVersion(report.deployment_name, report.build_id)

    async def run(self) -> DeploymentState | None:
        """Let it go out.

        Returns:
            The deployment as it is then; ``None`` in a dry run of a first deploy.

        Raises:
            TemporalLambdaError: It can't. What is done stays, and the same call goes on from there.
        """
        deployment = await describe_deployment(self._client, self.version.deployment_name)
        state = await describe_version(self._client, self.version)
        if self._options.ramp is not None and self._options.route:
            self._require_current(deployment)
        existing = self._function.read()
        wanted = self._function.wanted(existing)
        number = self._registered(state, wanted)
        if number is None:
            await self._function.apply(self._journal, existing, wanted)
            number = await self._publish(existing, wanted)
        else:
            self._journal.unchanged(f"version {number} of {self._function.name}")
        await set_delivery(
            self._function.client,
            self._function.name,
            number,
            self._options.on_failure,
            self._journal,
        )
        since = int(time.time() * 1000)
        await self._register(deployment, state, number)
        if not self._journal.dry_run and number is not None:
            await self._wait_until_bound(state, deployment, number, since)
        await self._describe(state, number)
        if self._options.route:
            await route(
                self._client,
                self.version,
                self._options.ramp,
                self._journal,
                ignore_missing_task_queues=self._options.ignore_missing_task_queues,
            )
        return await describe_deployment(self._client, self.version.deployment_name)

    def _require_current(self, deployment: DeploymentState | None) -> None:
        if deployment is None or deployment.current is None:
            raise DeployError(
                f"deployment {self.version.deployment_name} has no current build that could keep "
                "the rest of the workflows: deploy the first one without --ramp"
            )

    def _registered(self, state: VersionState | None, wanted: dict[str, Any]) -> str | None:
        """The Lambda version of a build that is known already; ``None`` to look for another.

        Raises:
            DeployError: The build has other code, or another function or configuration.
        """
        # A build that never served can't have workflows that depend on its code.
        if state is None or state.compute is None or not state.task_queues:
            return None
        build, arn = self.version.build_id, state.compute.arn
        number = arn.split(":")[7] if arn.count(":") == 7 else None
        there = self._function.read_version(number) if number else None
        noted = state.metadata.get(METADATA, {})
        hashes = {noted.get("code_sha256"), there and there["CodeSha256"]} - {None}
        same_content = noted.get("content_sha256") == self._report.content_sha256
        if hashes and self._report.code_sha256 not in hashes and not same_content:
            raise DeployError(
                f"build {build} of {self.version.deployment_name} is out already, with other code "
                f"({arn}): workflows pinned to it would go on with code that does not fit their "
                "history. Give this code another build id"
            )
        same_function = arn.split(":")[6:7] == [self._function.name]
        if there and same_function and not (changed := self._function.differs(there, wanted)):
            if (state.compute.role, state.compute.external_id) == self._invoker():
                return number
            changed = ["the invoke role or its external id"]
        else:
            changed = changed if there and same_function else ["the function"]
        if not self._options.repoint:
            raise DeployError(
                f"build {build} points at {arn} already, and this deploy would change "
                f"{', '.join(changed)}: use another build id, or pass --repoint"
            )
        return None

    def _invoker(self) -> tuple[str | None, str | None]:
        return self._options.invoke_role, self._options.external_id

    async def _publish(self, existing: dict[str, Any] | None, wanted: dict[str, Any]) -> str | None:
        name = self._function.name
        number = self._function.find_version(wanted) if existing else None
        if number:
            self._journal.unchanged(f"version {number} of {name}")
            return number
        build = self.version.build_id
        published: str | None = await self._journal.change(
            f"version of {name}", f"publish build {build}", lambda: self._function.publish(build)
        )
        return published

    async def _register(
        self, deployment: DeploymentState | None, state: VersionState | None, number: str | None
    ) -> None:
        """Tell the server which function is the build's compute; it then invokes it once."""
        name, build = self.version.deployment_name, self.version.build_id
        if deployment is None:
            await self._journal.change(
                f"deployment {name}", "create", lambda: create_deployment(self._client, name)
            )
        compute = self._compute(number)
        what = f"build {build} of {name}"
        if state and state.compute == compute and state.task_queues:
            self._journal.unchanged(what)
            return
        action = point_at if state else create_version
        detail = f"{'point at' if state else 'create, for'} {compute.arn}"
        try:
            await self._journal.change(
                what, detail, lambda: action(self._client, self.version, compute)
            )
        except WorkerDeploymentError as error:
            raise DeployError(await self._refused(error, compute)) from None

    def _compute(self, number: str | None) -> Compute:
        existing = self._function.read() or {"FunctionArn": f"::::::{self._function.name}"}
        arn = self._function.arn(existing, number or "(new)")
        return Compute(arn, *self._invoker())

    async def _refused(self, error: WorkerDeploymentError, compute: Compute) -> str:
        known = await explain.controllers_error(self._client, self.version)
        text = str(error)
        if known:
            text += f"\nthe worker controller says: {known}"
        return f"{text}\nwhat to do: {explain.remedy(known or text, compute.arn)}"

    async def _wait_until_bound(
        self,
        before: VersionState | None,
        deployment: DeploymentState | None,
        number: str,
        since: int,
    ) -> None:
        what = f"task queues of build {self.version.build_id}"
        try:
            queues = await wait_until_bound(self._client, self.version, self._options.bind_timeout)
        except WorkerDeploymentError as error:
            reasons = await self._why_not_bound(deployment, number, since)
            raise DeployError("\n".join([str(error), *reasons])) from None
        if before and before.task_queues:
            self._journal.unchanged(what, ", ".join(queues))
        else:
            await self._journal.change(what, ", ".join(queues), lambda: None)

    async def _why_not_bound(
        self, deployment: DeploymentState | None, number: str, since: int
    ) -> Sequence[str]:
        reasons = []
        if known := await explain.controllers_error(self._client, self.version):
            reasons.append(f"the worker controller says: {known}")
            reasons.append(f"what to do: {explain.remedy(known, self._compute(number).arn)}")
        now = await describe_deployment(self._client, self.version.deployment_name)
        before = {v.build_id for v in deployment.versions} if deployment else set()
        for summary in now.versions if now else ():
            if summary.build_id not in before | {self.version.build_id}:
                reasons.append(
                    f"a worker polls as build {summary.build_id}: the handler's version in Lambda "
                    f"is not that of the package, {self.version.build_id}"
                )
        lines = await explain.log_of(self._logs(), self._function.name, number, since)
        if lines:
            if hint := explain.hint(lines):
                reasons.append(hint)
            reasons += [
                "the function's log ends with:",
                *(f"  {line}" for line in explain.tail(lines)),
            ]
        elif not reasons:
            reasons.append(
                f"version {number} of {self._function.name} has logged nothing: was it invoked at "
                "all? Invoke it by hand and look at its log"
            )
        return reasons

    async def _describe(self, state: VersionState | None, number: str | None) -> None:
        """Note with the version what code it has, for the next deploy and for the inventory."""
        entry = {
            "lambda_version": number,
            "code_sha256": self._report.code_sha256,
            "content_sha256": self._report.content_sha256,
        }
        what = f"metadata of build {self.version.build_id}"
        if state and number and state.metadata.get(METADATA) == entry:
            self._journal.unchanged(what)
            return
        await self._journal.change(
            what,
            "code and version",
            lambda: set_metadata(self._client, self.version, {METADATA: entry}),
        )
