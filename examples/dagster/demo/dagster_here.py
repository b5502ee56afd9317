"""Dagster's webserver and daemon on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import dagster as dg

from examples.dagster.demo.ui import LOCATION, DagsterError, Ui
from temporal_lambda.local import LocalStack
from temporal_lambda.local.child import Child
from temporal_lambda.local.pipes import Lines, Pipe
from temporal_lambda.local.temporal_server import free_port

EXAMPLE = Path(__file__).parents[1]

START_TIMEOUT = 60.0
"""Seconds until Dagster counts as failed to start; it takes about 4."""

LINES_KEPT = 200
"""Lines of each process's output kept, to explain what failed."""


class DagsterHere:
    """Webserver, daemon and code server of the example, as an async context manager.

    They use ``dagster.yaml`` of the example and share one code server, since each takes seconds to
    load the jobs. All runs are forgotten at the end.

    Args:
        stack: Started; its Lambda is what the launcher calls, its guardian owns the processes.
    """

    ui: Ui

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._exit = AsyncExitStack()
        self._processes: dict[str, tuple[Child, deque[str]]] = {}
        self.home = Path()

    async def __aenter__(self) -> DagsterHere:
        async with AsyncExitStack() as exit_stack:
            self.home = Path(exit_stack.enter_context(tempfile.TemporaryDirectory()))
            shutil.copy(EXAMPLE / "dagster.yaml", self.home)
            # They are killed in the end, so they would leave temporary files.
            (self.home / "tmp").mkdir()
            await asyncio.to_thread(create_databases, self.home)
            port, code_port = free_port(), free_port()
            address = ["--host", "127.0.0.1", "--port"]
            code = ["--python-file", "definitions.py", "--working-directory", str(EXAMPLE)]
            await self._spawn(exit_stack, "dagster", "api", "grpc", *code, *address, str(code_port))
            await self._until(lambda: listens(code_port))
            workspace = ["--workspace", str(write_workspace(self.home, code_port))]
            await self._spawn(exit_stack, "dagster-webserver", *workspace, *address, str(port))
            await self._spawn(exit_stack, "dagster-daemon", "run", *workspace)
            http = await exit_stack.enter_async_context(aiohttp.ClientSession())
            self.ui = Ui(f"http://127.0.0.1:{port}", http)
            await self._until(self.ui.ready)
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
                cwd=EXAMPLE,
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
            "DAGSTER_HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "LAMBDA_ENDPOINT": self._stack.lambda_endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "SHOP_STAGE": "demo",
            "PYTHONUNBUFFERED": "1",
        }

    async def _until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        gives_up = time.monotonic() + START_TIMEOUT
        while not await ready():
            for command, (process, _) in self._processes.items():
                if process.returncode is not None:
                    raise DagsterError(f"{command} ended at its start:\n{self.output()}")
            if time.monotonic() > gives_up:
                raise DagsterError(
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


async def listens(port: int) -> bool:
    """Whether a server on this machine takes connections."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def write_workspace(home: Path, port: int) -> Path:
    """Write a workspace whose jobs are served by a code server on this machine."""
    server = {"host": "127.0.0.1", "port": port, "location_name": LOCATION}
    path = home / "workspace.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    return path


def create_databases(home: Path) -> None:
    """Create an instance's databases; two processes that both want to get in each other's way."""
    with dg.DagsterInstance.from_config(str(home)):
        pass
