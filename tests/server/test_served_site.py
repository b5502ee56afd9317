"""``make docs``: the site on this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from temporal_lambda.local.ports import free_port
from tests.support.documents import ROOT

pytestmark = [
    pytest.mark.skipif(not find_spec("zensical"), reason="zensical needs Python 3.11"),
    pytest.mark.timeout(300),
]

PATIENCE = 200.0
"""Building it takes 8 s, and on a busy machine much longer."""


def page(url: str) -> str:
    """A page, once it is there."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return str(response.read().decode())
        except (OSError, urllib.error.URLError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def served(out: Path, port: int) -> subprocess.Popen[str]:
    """The command, as ``make docs`` runs it."""
    return subprocess.Popen(
        [sys.executable, "-m", "docs_site", "serve", "--out", str(out), "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_site_is_served_on_this_machine(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, port) as serving:
        try:
            assert "run_worker" in page(f"http://127.0.0.1:{port}/reference/temporal_lambda.html")
        finally:
            serving.send_signal(signal.SIGINT)
            said, _ = serving.communicate(timeout=60)
    assert serving.returncode == 0, said


def test_port_that_is_taken_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with served(tmp_path, port) as serving:
            try:
                said, _ = serving.communicate(timeout=PATIENCE)
            finally:
                serving.kill()
    assert serving.returncode == 1, said
    assert f"If port {port} is in use, take another one: make docs PORT={port + 1}" in said
