"""An execution environment: one runtime process, one invocation at a time, frozen in between.

``managed_instance`` has the other kind, with several processes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from temporal_lambda.local import debugger
from temporal_lambda.local.calls import Answer, Call
from temporal_lambda.local.child import Child
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.peak_memory import peak_memory_kb
from temporal_lambda.local.pipes import Frames, Lines, Pipe
from temporal_lambda.local.records import Status
from temporal_lambda.local.runtime_api import RuntimeApi
from temporal_lambda.local.runtime_module import runtime_module

EXIT_SECONDS = 1.0
"""How long a runtime that has reported an init error may take to exit."""

RESTORE_SECONDS = 10.0
"""How long the hooks after a restore may take (AWS: "Lambda SnapStart runtime hooks")."""


class ExecutionEnvironment:
    """A process of AWS's own runtime client, ``python -m awslambdaric``.

    Args:
        number: For logs and records.
        function: What to run.
        guardian: Owns the process.
        variables: Variables of the process that are none of the function's.

    Attributes:
        on_line: Receives each line the process prints.
        retired: Whether to stop it after the current invocation.
        request_id: Request id of the running invocation; ``None`` between invocations.
        peak_memory_mb: Peak resident memory of the process in MB; ``None`` where ``/proc`` is
            missing.
        log_stream: Its log stream. The environment that comes after one whose process died may take
            it over: in Lambda they are one, with a new process.
        restore_ms: Milliseconds from the end of its snapshot's freeze until it asked for its first
            invocation, hooks included; ``None`` without SnapStart.
    """

    def __init__(
        self, number: int, function: Function, guardian: Guardian, variables: Mapping[str, str]
    ) -> None:
        self.number = number
        self.function = function
        self.retired = False
        self.on_line: Callable[[str], None] = lambda line: None
        self.request_id: str | None = None
        self.peak_memory_mb: int | None = None
        self.restore_ms: float | None = None
        self.log_stream = f"{time.strftime('%Y/%m/%d')}/[{function.version}]{uuid.uuid4().hex}"
        self._guardian = guardian
        self._variables = variables
        self._api = self._make_api()
        self._asking = asyncio.Event()
        self._process: Child | None = None
        self._exited: asyncio.Task[int] | None = None
        self._pipes: list[Pipe] = []
        self._lines = Lines(self._say)
        self._frozen = False
        self._is_snapshot = False

    @property
    def pid(self) -> int:
        """Process id of the runtime; 0 while there is none."""
        return self._process.pid if self._process else 0

    @property
    def frozen(self) -> bool:
        """Whether the process is stopped, as between invocations."""
        return self._frozen

    @property
    def capacity(self) -> int:
        """How many invocations may run in it at once."""
        return 1

    @property
    def alive(self) -> bool:
        """Whether the process can take another invocation."""
        return self._process is not None and self._process.returncode is None

    async def start(self, limit: float, request_id: str) -> Answer | None:
        """Start the process and wait until it asks for its first invocation.

        With SnapStart, the process is frozen when its init is complete, and then restored. It goes
        on itself; a process can't be copied here.

        Args:
            limit: Seconds it may take.
            request_id: The invocation it is started for, named in an error.

        Returns:
            ``None``, or the error of the init or the restore, after which the process has ended.

        Raises:
            OSError: The process can't be started because the system lacks a resource.
        """
        await self.stop()
        if self.function.debug_port:
            await debugger.until_free(self.function.debug_port)
        try:
            self._process = process = await self._spawn()
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            await self.stop()
            return Answer.failure(request_id, "Runtime.InvalidWorkingDir", str(error))
        except BaseException:
            await self.stop()
            raise
        self._api.serve(process.pid)
        self._exited = asyncio.create_task(process.wait())
        failure = await self._finish_init(process, limit, request_id)
        if failure is None and self._is_snapshot:
            failure = await self._restore(process, request_id)
        return failure

    async def _spawn(self) -> Child:
        self._api = self._make_api()
        self._is_snapshot, self.restore_ms = False, None
        address = await self._api.start()
        self._asking.clear()
        self._frozen = False
        self._lines = Lines(self._say)
        self._pipes = [output := Pipe(self._lines)]
        try:
            variables = self.function.process_environment(address, self.log_stream)
            variables.update(self._variables)
            keep_open = self._open_log(variables)
            return await self._guardian.spawn(
                *(sys.executable, *debugger.arguments(self.function.debug_port)),
                *("-m", runtime_module(), self.function.handler),
                env=variables,
                cwd=self.function.code,
                output=output.end,
                keep_open=keep_open,
            )
        finally:
            for pipe in self._pipes:
                pipe.close_end()

    def _make_api(self) -> RuntimeApi:
        return RuntimeApi(self._asked, self._snapshot_taken, self._processes)

    def _processes(self, process_id: int) -> list[int]:
        """The processes that serve invocations, by the one that was started."""
        return [process_id]

    def _open_log(self, variables: dict[str, str]) -> list[int]:
        """Tell the runtime where to log; returns the descriptors it must inherit for that."""
        self._pipes.append(log := Pipe(Frames(self._say)))
        variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(log.end)
        return [log.end]

    async def _finish_init(self, process: Child, limit: float, request_id: str) -> Answer | None:
        await self._wait_for(self._asking, limit)
        if self._asking.is_set():
            return None
        if self._api.init_error and self._exited:
            # It exits on its own; its last output belongs in the log.
            await asyncio.wait({self._exited}, timeout=EXIT_SECONDS)
        exited = process.returncode
        await self.stop()
        if self._api.init_error:
            return self._api.init_error
        if exited is not None:
            return Answer.failure(request_id, "Runtime.ExitError", process.describe_end())
        return Answer.timed_out(request_id, limit)

    async def _restore(self, process: Child, request_id: str) -> Answer | None:
        self._asking.clear()
        begun = time.monotonic()
        self._thaw()
        self._api.restore()
        await self._wait_for(self._asking, RESTORE_SECONDS)
        self.restore_ms = (time.monotonic() - begun) * 1000
        if self._asking.is_set():
            return None
        exited = process.returncode
        await self.stop()
        if self._api.restore_error:
            message = f"a hook failed after the restore: {self._api.restore_error.describe()}"
        elif exited is not None:
            message = process.describe_end()
        else:
            message = f"the restore was not complete within {RESTORE_SECONDS:.0f} s"
            return Answer.failure(request_id, "SnapStartTimeoutException", message)
        return Answer.failure(request_id, "SnapStartException", message)

    async def invoke(self, call: Call) -> tuple[Status, Answer]:
        """Run one invocation.

        Args:
            call: The invocation. The process is killed at its ``deadline_ms``.

        Returns:
            How it ended, and the response for the caller. After a timeout or a crash the process
            has ended.
        """
        process = self._process
        assert process is not None
        self._asking.clear()
        self._thaw()
        self._api.give(call)
        self.request_id = call.request_id
        await self._wait_for(self._asking, call.deadline_ms / 1000 - time.time())
        self.request_id = None
        answer, exited = call.answer, process.returncode
        if not self._asking.is_set():
            await self.stop()
        if answer and (self._asking.is_set() or exited is not None):
            # A runtime that answered and then ended, as after a refused response, has answered.
            return ("error" if answer.error_type else "success"), answer
        if exited is None:
            return "timeout", Answer.timed_out(
                call.request_id, self.function.timeout.total_seconds()
            )
        message = process.describe_end()
        return "crash", Answer.failure(call.request_id, "Runtime.ExitError", message)

    async def stop(self) -> None:
        """Kill the process, and close its pipes and its Runtime API."""
        process, self._process = self._process, None
        if process:
            self._measure_memory(process.pid)
            await self._guardian.end(process)
        pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.close()
        await self._api.stop()

    def terminate(self) -> None:
        """Send SIGTERM to a running process, as Lambda does before it kills one."""
        if not self._frozen:
            self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Signal the process, with what it has started; does nothing if there is none."""
        if self._process:
            self._process.send(number)

    def _snapshot_taken(self, process_id: int) -> None:
        self._is_snapshot = True
        self._asked(process_id)

    def _asked(self, process_id: int) -> None:
        self._freeze()
        # What the process printed before it asked is in the pipes by now.
        for pipe in self._pipes:
            pipe.drain()
        self._lines.flush()
        self._measure_memory(process_id)
        self._asking.set()

    def _say(self, line: str) -> None:
        self.on_line(line)

    def _measure_memory(self, pid: int) -> None:
        if peaks := [peak for each in self._processes(pid) if (peak := peak_memory_kb(each))]:
            self.peak_memory_mb = sum(peaks) // 1024

    async def _wait_for(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until it happens, the process ends, or the time is over."""
        assert self._exited is not None
        happens = asyncio.create_task(event.wait())
        ends: set[asyncio.Future[Any]] = {happens, self._exited}
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            happens.cancel()

    def _freeze(self) -> None:
        # A debugger in it is to answer at any time.
        if self._process and not self.function.debug_port:
            self._process.freeze()
            self._frozen = True

    def _thaw(self) -> None:
        if self._process and self._frozen:
            self._process.thaw()
            self._frozen = False
