"""A local stack in a thread of its own, for tests of any kind and in any event loop."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.testing.deployed_function import DeployedFunction
from temporal_lambda.testing.imported_handler import (
    import_handler,
    make_current_once_it_polls,
)
from temporal_lambda.testing.link import Link
from temporal_lambda.testing.loop_thread import LoopThread

Result = TypeVar("Result")

ADDRESS = "TEMPORAL_ADDRESS"


class BackgroundStack:
    """A Temporal server and a Lambda service that go on while a test does something else.

    A ``LocalStack`` belongs to one event loop, and stands still whenever that one does: between the
    tests of a session, or while a synchronous test runs. This one has a thread. Its coroutine
    functions can be awaited in any loop; a synchronous test gives the coroutine to ``run``.

    Use it as a context manager; leaving it ends every process it started.

    Args:
        options: Those of :py:class:`temporal_lambda.local.LocalStack`.

    Attributes:
        client: A connected client, for any event loop.
        temporal_address: ``host:port`` of the server.
        lambda_endpoint: URL for ``boto3.client("lambda", endpoint_url=...)``, from any thread.
        ui_url: Address of the Web UI, or ``None``.

    Example:
        ```python
        with BackgroundStack() as stack:
            greeting = stack.run(
                stack.deploy(Function("greeting", "handler.lambda_handler", Path("greeting")))
            )
            handle = stack.run(
                stack.client.start_workflow(
                    "Greeting", "World", id="1", task_queue=greeting.task_queue
                )
            )
            assert stack.run(handle.result()) == "Hello, World!"
            assert stack.run(stack.record_of(handle)).status == "success"
        ```
    """

    client: Client

    def __init__(self, **options: Any) -> None:
        self.temporal_address = ""
        self.lambda_endpoint = ""
        self.ui_url: str | None = None
        self._options = options
        self._stack: LocalStack | None = None
        self._thread: LoopThread | None = None
        self._links: dict[str, Link] = {}

    def __enter__(self) -> BackgroundStack:
        self._thread = LoopThread("temporal_lambda stack")
        try:
            stack = self._stack = self._thread.wait(self._start())
        except BaseException:
            self._thread.stop()
            raise
        self.client = stack.client
        self.temporal_address = stack.temporal_address
        self.lambda_endpoint = stack.lambda_endpoint
        self.ui_url = stack.ui_url
        return self

    async def _start(self) -> LocalStack:
        # Made here, since parts of it belong to the running loop from the beginning.
        return await LocalStack(**self._options).__aenter__()

    def __exit__(self, *_: object) -> None:
        """Stop the server and the functions, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            thread.wait(self._close())
        finally:
            thread.stop()

    async def _close(self) -> None:
        if self._stack:
            await self._stack.__aexit__()
        for link in self._links.values():
            await link.close()

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float = 60.0) -> Result:
        """Run a coroutine in the stack's thread, and block until it is done.

        For synchronous tests and fixtures, whatever the coroutine is: one of the stack, of its
        client, or your own.

        Args:
            coroutine: What to run.
            timeout: Seconds; it is cancelled then.

        Returns:
            Its result.

        Raises:
            RuntimeError: An event loop runs in this thread: await the coroutine there.
            LocalStackError: The time is over.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._running_thread().wait(coroutine, timeout)
        coroutine.close()
        raise RuntimeError("an event loop runs in this thread: await the coroutine instead")

    async def deploy(
        self, function: Function, version: WorkerDeploymentVersion | None = None
    ) -> DeployedFunction:
        """Create a function, make it the compute of its version, and route workflows to it.

        Its connection to the Temporal server can be cut (``faults.lose_connection``), unless its
        environment has a ``TEMPORAL_ADDRESS`` of its own.

        Args:
            function: The function. One with the same name is replaced.
            version: Its worker deployment version; needed only for a handler that was not made by
                ``temporal_lambda.run_worker``.

        Raises:
            LocalStackError: The handler can't be imported or called, or does not poll; or another
                function of this stack serves the version.
        """
        made: DeployedFunction = await self._run_in_stack(self._deploy(function, version))
        return made

    def deploy_and_wait(
        self, function: Function, version: WorkerDeploymentVersion | None = None
    ) -> DeployedFunction:
        """Deploy a function, and block until that is done, also where an event loop runs.

        Args:
            function: The function. One with the same name is replaced.
            version: Its worker deployment version, if the handler does not know it.

        Raises:
            LocalStackError: As ``deploy`` does.
        """
        return self._running_thread().wait(self._deploy(function, version))

    async def _deploy(
        self, function: Function, version: WorkerDeploymentVersion | None
    ) -> DeployedFunction:
        stack, link = self.local, None
        if ADDRESS not in function.environment:
            link = self._links.get(function.name)
            if link is None:
                link = self._links[function.name] = Link(stack.temporal_address)
                await link.open()
            link.restore()
            environment = {ADDRESS: link.address, **function.environment}
            function = dataclasses.replace(function, environment=environment)
        deployed = await stack.deploy(function, version)
        return DeployedFunction(stack.service, deployed, link, self._run_in_stack)

    @contextmanager
    def imported(self, handler: str, code: Path) -> Iterator[Any]:
        """Import a handler into this process, as one that this stack's server sends tasks to.

        Args:
            handler: ``module.attribute``.
            code: The directory with its code.

        Returns:
            The handler. Within the block, its version is made current once it polls.

        Raises:
            LocalStackError: There is no such handler, or its module was imported before.
        """
        connection = {
            ADDRESS: self.temporal_address,
            "TEMPORAL_NAMESPACE": self.client.namespace,
            "TEMPORAL_TLS": "false",
        }
        found = import_handler(handler, code, connection)
        routing = self._running_thread().submit(make_current_once_it_polls(self.client, found))
        try:
            yield found
        finally:
            routing.cancel()

    async def record_of(
        self, handle: WorkflowHandle[Any, Any], timeout: float = 60.0
    ) -> InvocationRecord:
        """The invocation that a workflow ended in; waits for the end of both.

        Args:
            handle: The workflow.
            timeout: Seconds.

        Raises:
            LocalStackError: The time is over, or no invocation of this stack served the workflow.
        """
        record: InvocationRecord = await self._run_in_stack(self.local.record_of(handle, timeout))
        return record

    @property
    def local(self) -> LocalStack:
        """The stack itself. It belongs to the stack's thread: read from it, and call its methods in
        a coroutine that ``run`` runs.
        """
        if self._stack is None:
            raise RuntimeError("the stack has not been started: use it with 'with'")
        return self._stack

    async def _run_in_stack(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(self._running_thread().submit(coroutine))

    def _running_thread(self) -> LoopThread:
        if self._thread is None:
            raise RuntimeError("the stack has not been started: use it with 'with'")
        return self._thread


def function_of(handler: str, code: Path, name: str | None = None, **options: Any) -> Function:
    """A function named after its handler.

    Args:
        handler: ``module.attribute``.
        code: The directory with its code.
        name: Another name.
        options: Further ones of :py:class:`temporal_lambda.local.Function`.

    Example:
        >>> function_of("handler.lambda_handler", Path("examples/greeting")).name
        'handler-lambda_handler'
    """
    return Function(name or handler.replace(".", "-")[-64:], handler, code, **options)
