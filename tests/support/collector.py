"""A real OpenTelemetry collector: rotel, where it can be had for this Python."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.util
import os
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporal_lambda.local.ports import free_port

STARTED_SECONDS = 20.0


class CollectorError(Exception):
    """The collector did not start; the message is what it said."""


@functools.cache
def why_missing() -> str | None:
    """Why there is no collector here; ``None`` if there is one."""
    agent = _agent()
    if not agent:
        return "rotel is not installed; it has wheels for Python 3.10 to 3.13"
    result = subprocess.run(
        [agent, "--version"], env=environ(), capture_output=True, text=True, check=False, timeout=20
    )
    return result.stderr.strip() if result.returncode else None


def _agent() -> Path | None:
    spec = importlib.util.find_spec("rotel")
    return Path(spec.origin).parent / "rotel-agent" if spec and spec.origin else None


def environ() -> dict[str, str]:
    """An environment in which the collector finds libpython, which it is linked against.

    Few machines have that of the running interpreter where the system looks for libraries.
    """
    folders = [str(sysconfig.get_config_var("LIBDIR")), os.environ.get("LD_LIBRARY_PATH", "")]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, folders))}


@asynccontextmanager
async def collecting(*exporter: str, protocol: str = "grpc") -> AsyncIterator[str]:
    """Run a collector.

    Args:
        exporter: The command's options that say what it does with what it gets; by default nothing.
        protocol: ``grpc`` or ``http``, for the endpoint.

    Returns:
        Its endpoint.

    Raises:
        CollectorError: There is none for this Python, or it ended instead of listening.
    """
    agent = _agent()
    if not agent or why_missing():
        raise CollectorError(f"there is no collector here: {why_missing()}")
    port, http_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            agent,
            "start",
            *("--pid-file", f"{directory}/pid"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{port}"),
            *("--otlp-http-endpoint", f"127.0.0.1:{http_port}"),
            *(exporter or ("--exporter", "blackhole")),
            env=environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr
        reading = asyncio.create_task(process.stderr.read())
        try:
            await asyncio.wait_for(_listens(port, process, reading), STARTED_SECONDS)
            yield f"http://127.0.0.1:{port if protocol == 'grpc' else http_port}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            await reading


async def _listens(
    port: int, process: asyncio.subprocess.Process, stderr: asyncio.Task[bytes]
) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.returncode is not None:
            said = (await stderr).decode(errors="replace").strip()
            raise CollectorError(f"the collector ended with {process.returncode}: {said}")
        await asyncio.sleep(0.05)
