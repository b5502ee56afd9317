"""A Temporal server that is started as docs/local.md says serves ``temporal-lambda dev``."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from temporal_lambda.local.ports import free_port
from tests.support.dev_session import Dev
from tests.support.documents import ROOT, blocks_for

DOCUMENTED_PORT = "9001"
PATIENCE = 40.0


def wait_for_port(port: int) -> None:
    """Wait until something listens."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens at port {port}")


def test_its_worker_controller_invokes_the_local_function(tmp_path: Path) -> None:
    (block,) = blocks_for(__file__, "docs/local.md")
    port, lambda_port = free_port(), free_port()
    text = block.text.rstrip().replace(DOCUMENTED_PORT, str(lambda_port))
    assert text != block.text.rstrip()
    shutil.copytree(ROOT / "examples" / "greeting", tmp_path / "greeting")
    with subprocess.Popen(
        ["bash", "-e", "-c", f"{text} --headless --port {port}"],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            wait_for_port(port)
            dev = Dev(
                *(f"{tmp_path / 'greeting' / 'handler.py'}:lambda_handler", "--no-reload"),
                *("--temporal-address", f"127.0.0.1:{port}", "--lambda-port", str(lambda_port)),
                *("--execute", "Greeting", "--input", '"World"'),
            )
            assert dev.finish() == 0, dev.output
            assert "Hello, World!" in dev.output
        finally:
            os.killpg(server.pid, signal.SIGTERM)
