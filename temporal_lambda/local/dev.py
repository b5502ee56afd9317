"""``temporal-lambda dev``: runs a handler locally and reloads it when its source changes."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from temporal_lambda.local.dagster_beside import RUNS, DagsterBeside, settings_for
from temporal_lambda.local.display import Display, describe_tasks
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.execution import HELD_UP, Execution
from temporal_lambda.local.function import Function
from temporal_lambda.local.runtime_module import runtime_module
from temporal_lambda.local.source_watch import watch_source
from temporal_lambda.local.stack import Deployed, LocalStack

LOOK_SECONDS = 1.0
"""Pause between two looks at how many workflows there are."""


class DevSession:
    """One run of ``temporal-lambda dev``.

    Args:
        stack: Not started yet.
        function: The user's function.
        display: Shows log lines and invocations.
        reload: Whether to watch the source.
        version: The worker deployment version of a handler that does not know its own.
        dagster: The module with Dagster's jobs, if its UI is wanted beside the stack.
    """

    def __init__(
        self,
        stack: LocalStack,
        function: Function,
        display: Display,
        *,
        reload: bool,
        version: WorkerDeploymentVersion | None = None,
        dagster: str | None = None,
    ) -> None:
        self._version = version
        self._dagster = dagster
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
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # What runs under nohup outlives its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, stopped.set)
        session = asyncio.create_task(self._run(execution))
        session.add_done_callback(lambda _: self._display.close())
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
                deployed = await self._deploy_first(waits=self._reload and not execution)
                self._announce(deployed)
                if execution:
                    return await self._execute(execution, deployed)
                async with AsyncExitStack() as beside:
                    if self._dagster:
                        await self._show_dagster(self._dagster, beside)
                    async with self._table(deployed):
                        await self._serve_changes()
            finally:
                changes.cancel()
                await asyncio.wait({changes})
        return True

    async def _show_dagster(self, module: str, beside: AsyncExitStack) -> None:
        function = self._function
        dagster = DagsterBeside(
            self._stack,
            settings_for(function.name),
            ["--module-name", module],
            function.code.resolve(),
            # What resources refer to has to be there, too, as a run is planned.
            environment=function.environment,
        )
        await beside.enter_async_context(dagster)
        self._display.say(f"Dagster     {dagster.url}")

    async def _deploy_first(self, *, waits: bool) -> Deployed:
        """Deploy the function; if it can't be, wait for a change of its source and try again."""
        while True:
            try:
                return await self._stack.deploy(self._function, self._version)
            except LocalStackError as error:
                if not waits:
                    raise
                self._display.say(f"Error: {error}", error=True)
            self._display.say("waiting for a change of the source; Ctrl-C ends")
            await self._changed.wait()
            self._changed.clear()

    @asynccontextmanager
    async def _table(self, deployed: Deployed, *, goes: bool = False) -> AsyncIterator[None]:
        """Keep the table in sight, where there is a terminal."""
        with self._display.live(goes=goes):
            counting = asyncio.create_task(self._count_workflows(deployed.task_queue))
            try:
                yield
            finally:
                counting.cancel()
                await asyncio.wait({counting})

    async def _count_workflows(self, task_queue: str) -> None:
        """Keep the display's totals of the task queue's workflows, if it shows any."""
        query = f"TaskQueue = '{task_queue}' GROUP BY ExecutionStatus"
        while self._display.is_live:
            try:
                counted = await self._stack.client.count_workflows(query)
                self._display.count_workflows(
                    {_in_words(str(group.group_values[0])): group.count for group in counted.groups}
                )
            except RPCError:
                # The last totals stay; a server that is gone is told where it matters.
                pass
            await asyncio.sleep(LOOK_SECONDS)

    def _announce(self, deployed: Deployed) -> None:
        say, version = self._display.say, deployed.version
        say(f"deployment  {version.deployment_name}, build {version.build_id}, current")
        say(f"Temporal    {self._stack.temporal_address}, namespace {self._stack.client.namespace}")
        say(f"Lambda      {self._stack.lambda_endpoint}, function {deployed.function.name}")
        if self._stack.ui_url:
            say(f"Web UI      {self._stack.ui_url}")
        if port := self._function.debug_port:
            minutes = self._function.timeout.total_seconds() / 60
            say(
                f"debugger    127.0.0.1:{port}, debugpy; one invocation at a time, "
                f"{minutes:g} min each, not frozen between them"
            )
        say(f"start one   {self._start_line(deployed)}")

    def _start_line(self, deployed: Deployed) -> str:
        if self._workflow_type(deployed) in RUNS:
            return "from Dagster, which --dagster MODULE shows, or with temporal-lambda invoke"
        command = ["temporal", "workflow", "start", "--address", self._stack.temporal_address]
        if self._stack.client.namespace != "default":
            command += ["--namespace", self._stack.client.namespace]
        command += ["--task-queue", deployed.task_queue, "--type", self._workflow_type(deployed)]
        if self._function.debug_port:
            command += ["--task-timeout", f"{HELD_UP.total_seconds():.0f}s"]
        return shlex.join([*command, "--input", '"World"'])

    def _workflow_type(self, deployed: Deployed) -> str:
        serves = self._stack.service.workers.get(deployed.function.name, {})
        return next(iter(serves.get("workflows") or []), "YourWorkflow")

    async def _execute(self, execution: Execution, deployed: Deployed) -> bool:
        before = max((r.number for r in self._stack.service.records), default=0)
        workflow_id = execution.new_id()
        self._display.say(f"starting workflow {execution.workflow}, id {workflow_id}")
        try:
            async with self._table(deployed, goes=True):
                with self._display.awaiting(workflow_id) as told:
                    result = await execution.run(
                        self._stack.client, workflow_id, deployed.task_queue, told
                    )
        except LocalStackError as error:
            self._display.say(str(error), error=True)
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
                if self._function.debug_port:
                    # So that there is a process to attach to, before anything is to do.
                    self._stack.service.enqueue(deployed.function, b"{}", arn=None, trace_id=None)
                build = deployed.version.build_id
                self._display.say(f"serving the changed source, build {build}")
            except (LocalStackError, OSError, RPCError) as error:
                self._display.say(str(error), error=True)


def _in_words(status: str) -> str:
    """A workflow's status as it is said: ``TimedOut`` is ``timed out``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status).lower()
