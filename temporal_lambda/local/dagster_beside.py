"""Dagster's webserver and daemon beside the local stack, whose functions its runs go to."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import sysconfig
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from temporal_lambda.local.child import Child
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.pipes import Lines, Pipe
from temporal_lambda.local.ports import free_port
from temporal_lambda.local.stack import LocalStack

START_TIMEOUT = 60.0
"""Seconds until Dagster counts as failed to start; it takes about 4."""

LINES_KEPT = 200
"""Lines of each process's output kept, to explain what failed."""

RUNS = ("DagsterRun", "DagsterCodeRun")
"""The workflows that Dagster's runs are; nobody starts one by hand."""

ENDPOINT = "LAMBDA_ENDPOINT"
"""The variable in which Dagster's processes find the local Lambda."""


class DagsterBeside:
    """A code server, a webserver and a daemon, as an async context manager.

    They share one code server, since each would take seconds to load the jobs. All runs are
    forgotten at the end.

    Args:
        stack: Started; its Lambda is what the launcher calls, its guardian owns the processes.
        settings: ``dagster.yaml``, as text.
        code: How Dagster finds the jobs, such as ``["--module-name", "my_project.definitions"]``.
        directory: Where modules are found.
        location: What the code location is called.
        environment: Variables of Dagster's processes, beside what any process needs.

    Attributes:
        url: Where Dagster's UI is.
    """

    def __init__(
        self,
        stack: LocalStack,
        settings: str,
        code: Sequence[str],
        directory: Path,
        location: str = "code",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._code = code
        self._directory = directory
        self._location = location
        self._variables = environment or {}
        self._exit = AsyncExitStack()
        self._processes: dict[str, tuple[Child, deque[str]]] = {}
        self._home = Path()
        self.url = ""

    async def __aenter__(self) -> DagsterBeside:
        """Start it.

        Raises:
            LocalStackError: It is not installed, or did not start; has the last lines of output.
        """
        for package in ("dagster", "dagster_webserver"):
            if importlib.util.find_spec(package) is None:
                raise LocalStackError(
                    "Dagster's UI needs dagster-webserver: pip install dagster-webserver"
                )
        async with AsyncExitStack() as exit_stack:
            self._home = Path(exit_stack.enter_context(tempfile.TemporaryDirectory()))
            (self._home / "dagster.yaml").write_text(self._settings)
            # They are killed in the end, so they would leave temporary files.
            (self._home / "tmp").mkdir()
            # Two processes that both want to make the databases get in each other's way.
            await asyncio.to_thread(_create_databases, self._home)
            port, code_port = free_port(), free_port()
            address = ["--host", "127.0.0.1", "--port"]
            code = [*self._code, "--working-directory", str(self._directory)]
            await self._spawn(exit_stack, "dagster", "api", "grpc", *code, *address, str(code_port))
            await self._until(lambda: _listens(code_port))
            workspace = ["--workspace", str(self._write_workspace(code_port))]
            await self._spawn(exit_stack, "dagster-webserver", *workspace, *address, str(port))
            await self._spawn(exit_stack, "dagster-daemon", "run", *workspace)
            await self._until(lambda: _listens(port))
            self.url = f"http://127.0.0.1:{port}"
            self._exit = exit_stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all processes and what they have started, and remove their files."""
        await self._exit.aclose()

    async def _spawn(self, exit_stack: AsyncExitStack, command: str, *arguments: str) -> None:
        lines: deque[str] = deque(maxlen=LINES_KEPT)
        pipe = Pipe(Lines(lines.append))
        exit_stack.callback(pipe.close)
        guardian = self._stack.service.guardian
        try:
            process = await guardian.spawn(
                sys.executable,
                str(Path(sysconfig.get_path("scripts")) / command),
                *arguments,
                env=self._environment(),
                cwd=self._directory,
                output=pipe.end,
            )
        finally:
            pipe.close_end()
        exit_stack.push_async_callback(guardian.end, process)
        self._processes[command] = (process, lines)

    def _environment(self) -> dict[str, str]:
        passed_on = ("PATH", "HOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
        return {
            **{name: os.environ[name] for name in passed_on if name in os.environ},
            "DAGSTER_HOME": str(self._home),
            "TMPDIR": str(self._home / "tmp"),
            ENDPOINT: self._stack.lambda_endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "PYTHONUNBUFFERED": "1",
            **self._variables,
        }

    async def _until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        gives_up = time.monotonic() + START_TIMEOUT
        while not await ready():
            for command, (process, _) in self._processes.items():
                if process.returncode is not None:
                    raise LocalStackError(f"{command} ended at its start:\n{self.output()}")
            if time.monotonic() > gives_up:
                raise LocalStackError(
                    f"Dagster did not start within {START_TIMEOUT:.0f} s:\n{self.output()}"
                )
            await asyncio.sleep(0.05)

    def output(self) -> str:
        """The last lines of all processes."""
        return "\n".join(
            f"{command}: {line}"
            for command, (_, lines) in self._processes.items()
            for line in lines
        )

    def _write_workspace(self, port: int) -> Path:
        server = {"host": "127.0.0.1", "port": port, "location_name": self._location}
        path = self._home / "workspace.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
        return path


def settings_for(function: str) -> str:
    """A ``dagster.yaml`` for runs that all go to one function, made with ``run_dagster_code``.

    Args:
        function: Its name.

    Example:
        >>> json.loads(settings_for("etl"))["run_launcher"]["class"]
        'LambdaRunLauncher'
    """
    queue: dict[str, Any] = {"dequeue_interval_seconds": 1}
    return json.dumps(
        {
            "run_launcher": {
                "module": "temporal_lambda.dagster.launcher",
                "class": "LambdaRunLauncher",
                "config": {
                    "default_function_name": function,
                    "default_invocation_type": "RequestResponse",
                    "default_durable": True,
                    "default_run_code": True,
                    "steps_interval_seconds": 2,
                    "aws": {"region": "us-east-1", "endpoint_url": {"env": ENDPOINT}},
                },
            },
            "run_coordinator": {
                "module": "dagster.core.run_coordinator",
                "class": "QueuedRunCoordinator",
                "config": queue,
            },
            "run_monitoring": {"enabled": True},
            "telemetry": {"enabled": False},
            "nux": {"enabled": False},
        }
    )


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _create_databases(home: Path) -> None:
    from dagster import DagsterInstance

    with DagsterInstance.from_config(str(home)):
        pass
