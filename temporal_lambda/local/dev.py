"""``temporal-lambda dev``: runs a handler locally and reloads it when its source changes."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from temporal_lambda.local.display import Display, describe_tasks
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.function import Function
from temporal_lambda.local.runtime_module import runtime_module
from temporal_lambda.local.source_watch import watch_source
from temporal_lambda.local.stack import Deployed, LocalStack

RESULT_TIMEOUT = 90.0
"""Seconds until a workflow started by ``--execute`` counts as failed."""


@dataclass(frozen=True)
class Execution:
    """A workflow to start, after which the session ends.

    Attributes:
        workflow: Its type.
        arguments: Its arguments.
    """

    workflow: str
    arguments: list[Any]


def locate_handler(target: str) -> tuple[Path, str]:
    """Split ``MODULE:HANDLER`` into the code directory and Lambda's handler setting.

    Args:
        target: A dotted module below the working directory (``app.handler:lambda_handler``), or a
            file whose directory is the function's code (``app/handler.py:lambda_handler``).

    Returns:
        The code directory and ``module.attribute``.

    Raises:
        LocalStackError: It has another form, or the file is missing.

    Example:
        >>> locate_handler("app.handler:lambda_handler")[1]
        'app.handler.lambda_handler'
    """
    module, colon, attribute = target.rpartition(":")
    is_file = module.endswith(".py")
    names = [attribute] if is_file else [attribute, *module.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise LocalStackError(
            f"{target!r} is not MODULE:HANDLER, such as app.handler:lambda_handler or "
            "app/handler.py:lambda_handler"
        )
    if not is_file:
        return Path.cwd(), f"{module}.{attribute}"
    path = Path(module)
    if not path.is_file():
        raise LocalStackError(f"{module} is not a file")
    return path.resolve().parent, f"{path.stem}.{attribute}"


class DevSession:
    """One run of ``temporal-lambda dev``.

    Args:
        stack: Not started yet.
        function: The user's function.
        display: Shows log lines and invocations.
        reload: Whether to watch the source.
        version: The worker deployment version of a handler that does not know its own.
    """

    def __init__(
        self,
        stack: LocalStack,
        function: Function,
        display: Display,
        *,
        reload: bool,
        version: WorkerDeploymentVersion | None = None,
    ) -> None:
        self._version = version
        self._stack = stack
        self._function = function
        self._display = display
        self._reload = reload
        self._changed = asyncio.Event()

    async def run(self, execution: Execution | None) -> bool:
        """Run until Ctrl-C, or until the execution has ended.

        Args:
            execution: A workflow to start, or ``None``.

        Returns:
            Whether the execution succeeded; True without one.
        """
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        session = asyncio.create_task(self._run(execution))
        interrupted = asyncio.create_task(stopped.wait())
        await asyncio.wait({session, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        if not session.done():
            self._display.say("stopping")
            session.cancel()
            await asyncio.wait({session})
        if session.cancelled():
            return execution is None
        return session.result()

    async def _run(self, execution: Execution | None) -> bool:
        self._stack.service.on_line = self._display.log_line
        self._stack.service.on_record = self._display.finished
        self._display.say("starting Temporal and the local Lambda")
        async with self._stack:
            changes = asyncio.create_task(self._watch())
            try:
                deployed = await self._stack.deploy(self._function, self._version)
                self._announce(deployed)
                if execution:
                    return await self._execute(execution, deployed)
                with self._display.live():
                    await self._serve_changes()
            finally:
                changes.cancel()
                await asyncio.wait({changes})
        return True

    def _announce(self, deployed: Deployed) -> None:
        say, version = self._display.say, deployed.version
        say(f"deployment  {version.deployment_name}, build {version.build_id}, current")
        say(f"Temporal    {self._stack.temporal_address}, namespace {self._stack.client.namespace}")
        say(f"Lambda      {self._stack.lambda_endpoint}, function {deployed.function.name}")
        if self._stack.ui_url:
            say(f"Web UI      {self._stack.ui_url}")
        say(f"start one   {self._start_line(deployed)}")

    def _start_line(self, deployed: Deployed) -> str:
        command = ["temporal", "workflow", "start", "--address", self._stack.temporal_address]
        if self._stack.client.namespace != "default":
            command += ["--namespace", self._stack.client.namespace]
        command += ["--task-queue", deployed.task_queue, "--type", self._workflow_type(deployed)]
        return shlex.join([*command, "--input", '"World"'])

    def _workflow_type(self, deployed: Deployed) -> str:
        serves = self._stack.service.workers.get(deployed.function.name, {})
        return next(iter(serves.get("workflows") or []), "YourWorkflow")

    async def _execute(self, execution: Execution, deployed: Deployed) -> bool:
        before = max((r.number for r in self._stack.service.records), default=0)
        workflow_id = f"{execution.workflow}-{uuid.uuid4().hex[:8]}"
        self._display.say(f"starting workflow {execution.workflow}, id {workflow_id}")
        try:
            result = await asyncio.wait_for(
                self._stack.client.execute_workflow(
                    execution.workflow,
                    args=execution.arguments,
                    id=workflow_id,
                    task_queue=deployed.task_queue,
                ),
                RESULT_TIMEOUT,
            )
        except WorkflowFailureError as error:
            cause = error.cause
            while cause.__cause__:
                cause = cause.__cause__
            self._display.say(f"workflow failed: {cause}")
            return False
        except asyncio.TimeoutError:
            self._display.say(f"workflow did not finish within {RESULT_TIMEOUT:.0f} s")
            return False
        self._display.say("")
        self._display.say(f"result      {json.dumps(result, default=str, ensure_ascii=False)}")
        return await self._summarize(deployed, before)

    async def _summarize(self, deployed: Deployed, before: int) -> bool:
        """Show which invocation did the work; return whether it succeeded, as far as is known."""
        say, service, function = self._display.say, self._stack.service, deployed.function
        while service.busy(function.name):
            await asyncio.sleep(0.02)
        records = [r for r in service.records if r.number > before and describe_tasks(r) != "-"]
        if not records:
            say("served by   an invocation whose report is not in the log")
            return True
        record = records[0]
        say(
            f"served by   {record.invocation_type} invocation {record.number} of {function.name}, "
            f"made by the server's worker controller, in process {record.pid} of "
            f"python -m {runtime_module()}"
        )
        limit = function.timeout.total_seconds() * 1000
        say(f"tasks       {describe_tasks(record)}")
        say(f"billed      {record.billed_ms} ms of the {limit:.0f} ms the function may take")
        return record.status == "success"

    async def _watch(self) -> None:
        if not self._reload:
            return
        loop, stop = asyncio.get_running_loop(), threading.Event()

        def changed() -> None:
            loop.call_soon_threadsafe(self._changed.set)

        watching = asyncio.create_task(
            asyncio.to_thread(watch_source, self._function.code.resolve(), changed, stop)
        )
        try:
            await asyncio.shield(watching)
        except (LocalStackError, OSError) as error:
            self._display.say(f"the source can't be watched, so nothing is reloaded: {error}")
        finally:
            stop.set()
            await asyncio.wait({watching})

    async def _serve_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._display.say("source changed")
            try:
                deployed = await self._stack.deploy(self._function)
                # Running invocations still poll with the old code, and would take tasks.
                await self._stack.service.end_running(deployed.function.name, retired_only=True)
                build = deployed.version.build_id
                self._display.say(f"serving the changed source, build {build}")
            except (LocalStackError, OSError, RPCError) as error:
                self._display.say(str(error))
