"""A Temporal server whose worker controller invokes Lambda functions, all on this machine."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.function import Function
from temporal_lambda.local.handler_version import version_of
from temporal_lambda.local.invoke_api import InvokeApi
from temporal_lambda.local.local_settings import on_this_machine
from temporal_lambda.local.ports import require_free
from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.served_by import record_of
from temporal_lambda.local.service import LambdaService
from temporal_lambda.local.temporal_server import (
    CONTROLLER,
    FANS_OUT,
    TemporalServer,
)
from temporal_lambda.settings.table import variable
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

    Use it as an async context manager; leaving it ends every process it started. All of it runs in
    the event loop that entered it, and stands still when that one does.

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
            handle = await stack.client.start_workflow(
                "Greeting", "World", id="1", task_queue="greetings"
            )
            print(await handle.result())
            print((await stack.record_of(handle)).billed_ms)
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
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> LocalStack:
        async with AsyncExitStack() as exit_stack:
            await self._start(exit_stack)
            self._exit = exit_stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the server first, so that it makes no more invocations."""
        await self._exit.aclose()

    async def _start(self, exit_stack: AsyncExitStack) -> None:
        self._loop = asyncio.get_running_loop()
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
        self._require_own_loop()
        before = self.service.invocations
        function = self.create(function)
        if function.debug_port:
            # The process before, which may stand at a breakpoint, has the port. It ends only now:
            # what has waited for it is given the function as it is now.
            await self.service.end_running(function.qualified_name, retired_only=True)
        version = version or await version_of(function, self.service.guardian)
        self._take(version, function.name)
        patience = (function.init_timeout + function.timeout).total_seconds()
        try:
            await register(self.client, version, Compute(function.qualified_arn))
            task_queue, *_ = await wait_until_bound(
                self.client, version, patience, lambda: self._failure(function, before)
            )
            await set_current(self.client, version)
            # How long the server takes for that is no matter of the function's.
            await wait_until_routed(self.client, version.deployment_name)
        except WorkerDeploymentError as error:
            raise LocalStackError(f"{error}{'' if self._own_server else OF_YOUR_OWN}") from error
        # What the worker says is newer than what the server knows of an earlier deployment.
        serves = self.service.workers.get(function.qualified_name, {})
        return Deployed(function, version, serves.get("task_queue") or task_queue)

    async def record_of(
        self, handle: WorkflowHandle[Any, Any], timeout: float = 60.0
    ) -> InvocationRecord:
        """The invocation that a workflow ended in; waits for the end of both.

        Args:
            handle: The workflow.
            timeout: Seconds.

        Returns:
            The record of the invocation that got the workflow's last task.

        Raises:
            LocalStackError: The time is over, or no invocation of this stack served the workflow.
        """
        self._require_own_loop()
        return await record_of(self.service, handle, timeout)

    def _require_own_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise LocalStackError(
                "this stack was started in another event loop, and stands still while yours runs: "
                "use temporal_lambda.testing.BackgroundStack, which runs in a thread of its own"
            )

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
            function = on_this_machine(function)
            connection[variable("poll_cancellation_fans_out")] = self._dynamic_config[FANS_OUT]
        function = dataclasses.replace(
            function,
            code=function.code.resolve(),
            environment={**connection, **function.environment},
        )
        self.service.add(function)
        return function

    def _failure(self, function: Function, before: int) -> str | None:
        """Why the first invocation after number ``before`` failed; ``None`` if it did not."""
        for record in self.service.records:
            same = (record.function, record.version) == (function.name, function.version)
            if same and record.number > before and record.error:
                log = "\n".join(record.log[-20:])
                return f"the first invocation of {function.name} failed: {record.error}\n{log}"
        return None
