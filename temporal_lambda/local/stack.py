"""A Temporal server whose worker controller invokes Lambda functions, all on this machine."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.describe_handler import MARK
from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.function import Function
from temporal_lambda.local.invoke_api import InvokeApi
from temporal_lambda.local.pipes import Lines, Pipe
from temporal_lambda.local.service import LambdaService
from temporal_lambda.local.temporal_server import (
    CONTROLLER,
    FANS_OUT,
    TemporalServer,
    require_free,
)
from temporal_lambda.settings.table import SETTINGS, variable
from temporal_lambda.worker_deployment import (
    Compute,
    register,
    set_current,
    wait_until_bound,
    wait_until_routed,
)

OF_YOUR_OWN = (
    ". A server of your own must run with its worker controller on and AWS_ENDPOINT_URL_LAMBDA set "
    "to the local Lambda; docs/local.md lists the settings"
)

DESCRIBE_TIMEOUT = 60.0
"""Seconds the import of a handler may take when its version is read before the deployment."""


@dataclasses.dataclass(frozen=True)
class Deployed:
    """A deployed function and the task queue it serves.

    Attributes:
        function: The function with its complete environment.
        version: Its worker deployment version.
        task_queue: The task queue it serves.
    """

    function: Function
    version: WorkerDeploymentVersion
    task_queue: str


class LocalStack:
    """A Temporal server, its worker controller, and a Lambda service, all on this machine.

    Use it as an async context manager; leaving it ends every process it started.

    Args:
        temporal_address: A running server to use instead of starting one. Its worker controller
            must be on, and must call this stack's Lambda endpoint.
        namespace: Namespace to work in.
        temporal_port: Port for the server's gRPC frontend; 0 takes a free one.
        ui_port: Port for the Web UI; 0 takes a free one, ``None`` runs without.
        lambda_port: Port for the Lambda API; 0 takes a free one.
        database: File the server keeps workflows in; in memory if ``None``.
        dynamic_config: Settings for the server by key, as JSON, for instance
            ``{"frontend.enableCancelWorkerPollsOnShutdown": "false"}``.

    Attributes:
        service: The Lambda service; its ``records`` are the invocations so far.
        lambda_endpoint: URL for ``boto3.client("lambda", endpoint_url=...)``.
        temporal_address: ``host:port`` of the server.
        ui_url: Address of the Web UI, or ``None``.
        client: A connected client.

    Example:
        ```python
        async with LocalStack() as stack:
            await stack.deploy(Function("greeting", "handler.lambda_handler", Path("greeting")))
            await stack.client.execute_workflow("Greeting", "World", id="1", task_queue="greetings")
            # An invocation is recorded when it ends: after its idle timeout, or at its deadline.
            record = await stack.service.wait_for_record(
                lambda record: bool(record.report and record.report["tasks"]["activity"]), 60
            )
            print(record.billed_ms)
        ```
    """

    client: Client

    def __init__(
        self,
        *,
        temporal_address: str | None = None,
        namespace: str = "default",
        temporal_port: int = 0,
        ui_port: int | None = None,
        lambda_port: int = 0,
        database: Path | None = None,
        dynamic_config: Mapping[str, str] | None = None,
    ) -> None:
        self.temporal_address = temporal_address or ""
        self.ui_url: str | None = None
        self.lambda_endpoint = ""
        self.service = LambdaService()
        self._own_server = temporal_address is None
        self._namespace = namespace
        self._temporal_port = temporal_port
        self._ui_port = ui_port
        self._lambda_port = lambda_port
        self._database = database
        self._dynamic_config = {**CONTROLLER, **(dynamic_config or {})}
        self._server: TemporalServer | None = None
        self._serving: dict[WorkerDeploymentVersion, str] = {}
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> LocalStack:
        async with AsyncExitStack() as exit_stack:
            await self._start(exit_stack)
            self._exit = exit_stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the server first, so that it makes no more invocations."""
        await self._exit.aclose()

    async def _start(self, exit_stack: AsyncExitStack) -> None:
        await exit_stack.enter_async_context(self.service)
        if self._lambda_port:
            require_free(self._lambda_port)
        api = await exit_stack.enter_async_context(InvokeApi(self.service, self._lambda_port))
        self.lambda_endpoint = api.endpoint
        if self._own_server:
            self._server = server = await exit_stack.enter_async_context(
                TemporalServer(
                    self.service.guardian,
                    api.endpoint,
                    port=self._temporal_port,
                    ui_port=self._ui_port,
                    namespace=self._namespace,
                    database=self._database,
                    dynamic_config=self._dynamic_config,
                )
            )
            self.temporal_address, self.ui_url = server.address, server.ui_url
        try:
            self.client = await Client.connect(self.temporal_address, namespace=self._namespace)
        except (RuntimeError, ValueError) as error:
            raise LocalStackError(
                f"the Temporal server at {self.temporal_address} can't be reached: {error}"
            ) from error

    async def restart_server(self) -> None:
        """Stop the server and start it again, at the same address.

        Its workflows are still there if it has a ``database``; otherwise they are lost.

        Raises:
            LocalStackError: The server was not started by this stack, or does not start again.
        """
        if self._server is None:
            raise LocalStackError("the server is not run by this stack, so it can't restart it")
        await self._server.restart()

    async def deploy(
        self, function: Function, version: WorkerDeploymentVersion | None = None
    ) -> Deployed:
        """Create a function, make it the compute of its version, and route workflows to it.

        Args:
            function: The function. It is given the server's address and namespace, unless its
                environment has its own.
            version: Its worker deployment version; needed only for a handler that was not made by
                ``temporal_lambda.run_worker``.

        Returns:
            What is deployed, once the server routes new workflows to it.

        Raises:
            LocalStackError: The handler can't be imported or called, or does not poll; or another
                function of this stack serves the version.
        """
        before = self.service.invocations
        function = self.create(function)
        version = version or await self._version_of(function)
        self._take(version, function.name)
        patience = (function.init_timeout + function.timeout).total_seconds()
        try:
            await register(self.client, version, Compute(function.qualified_arn))
            task_queue, *_ = await wait_until_bound(
                self.client, version, patience, lambda: self._failure(function, before)
            )
            await set_current(self.client, version)
            await wait_until_routed(self.client, version.deployment_name, patience)
        except WorkerDeploymentError as error:
            raise LocalStackError(f"{error}{'' if self._own_server else OF_YOUR_OWN}") from error
        # What the worker says is newer than what the server knows of an earlier deployment.
        serves = self.service.workers.get(function.qualified_name, {})
        return Deployed(function, version, serves.get("task_queue") or task_queue)

    def _take(self, version: WorkerDeploymentVersion, name: str) -> None:
        """Let one function serve a version: the controller invokes one for all its queues."""
        serving = self._serving.setdefault(version, name)
        if serving != name:
            raise LocalStackError(
                f"function {serving} serves version {version.build_id} of "
                f"{version.deployment_name} already, and {name} would take it away: a version has "
                "one function, for all its task queues. Give each function a deployment name of "
                "its own"
            )

    def create(self, function: Function) -> Function:
        """Create a function that can be invoked, without any deployment.

        Returns:
            The function with the environment it has been given.
        """
        connection = {
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": self._namespace,
        }
        if self._own_server:
            # A profile in temporal.toml that is meant for production must not get in the way.
            connection["TEMPORAL_TLS"] = "false"
            connection |= {variable(name): "none" for name in SETTINGS if name.endswith("_secret")}
            connection[variable("poll_cancellation_fans_out")] = self._dynamic_config[FANS_OUT]
        function = dataclasses.replace(
            function,
            code=function.code.resolve(),
            environment={**connection, **function.environment},
        )
        self.service.add(function)
        return function

    async def _version_of(self, function: Function) -> WorkerDeploymentVersion:
        output: list[str] = []
        pipe = Pipe(Lines(output.append))
        try:
            process = await self.service.guardian.spawn(
                sys.executable,
                "-m",
                "temporal_lambda.describe_handler",
                function.handler,
                env=function.process_environment("127.0.0.1:0", "describe"),
                cwd=function.code,
                output=pipe.end,
            )
        finally:
            pipe.close_end()
        try:
            await asyncio.wait_for(process.wait(), DESCRIBE_TIMEOUT)
        except asyncio.TimeoutError:
            raise LocalStackError(
                f"importing {function.handler} took longer than {DESCRIBE_TIMEOUT:.0f} s"
            ) from None
        finally:
            await self.service.guardian.end(process)
            pipe.close()
        line = next((line for line in output if line.startswith(MARK)), None)
        if line is None:
            said = "\n".join(output)
            raise LocalStackError(f"importing {function.handler} ended Python:\n{said}")
        found = json.loads(line.removeprefix(MARK))
        if "error" in found:
            raise LocalStackError(f"handler {function.handler}: {found['error']}")
        if not found["deployment_name"]:
            raise LocalStackError(
                f"handler {function.handler} was not made by temporal_lambda.run_worker, so its "
                "deployment version is unknown: pass it to deploy(), or as --version NAME:BUILD to "
                "temporal-lambda dev. If it is the contrib module's, changing its import will do"
            )
        return WorkerDeploymentVersion(found["deployment_name"], found["build_id"])

    def _failure(self, function: Function, before: int) -> str | None:
        """Why the first invocation after number ``before`` failed; ``None`` if it did not."""
        for record in self.service.records:
            same = (record.function, record.version) == (function.name, function.version)
            if same and record.number > before and record.error:
                log = "\n".join(record.log[-20:])
                return f"the first invocation of {function.name} failed: {record.error}\n{log}"
        return None
