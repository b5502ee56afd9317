"""A real OpenTelemetry collector."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import rotel

from temporal_lambda.local.temporal_server import free_port

STARTED_SECONDS = 20.0


@asynccontextmanager
async def collecting(*exporter: str) -> AsyncIterator[str]:
    """Run a collector.

    Args:
        exporter: The command's options that say what it does with what it gets; by default nothing.

    Returns:
        Its endpoint.
    """
    port, http_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            Path(rotel.__file__).parent / "rotel-agent",
            "start",
            *("--pid-file", f"{directory}/pid"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{port}"),
            *("--otlp-http-endpoint", f"127.0.0.1:{http_port}"),
            *(exporter or ("--exporter", "blackhole")),
            stdout=subprocess.DEVNULL,
        )
        try:
            await asyncio.wait_for(_listens(port), STARTED_SECONDS)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def _listens(port: int) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        await asyncio.sleep(0.05)
