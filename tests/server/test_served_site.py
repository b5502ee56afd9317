"""``make docs``: the site on this machine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from temporal_lambda.local.temporal_server import free_port
from tests.support.documents import ROOT

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


@pytest.mark.timeout(300)
def test_site_is_served_on_this_machine(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "docs_site", "serve", "--out", str(tmp_path), "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as serving:
        try:
            assert "run_worker" in page(f"http://127.0.0.1:{port}/reference/temporal_lambda.html")
        finally:
            serving.send_signal(signal.SIGINT)
            said, _ = serving.communicate(timeout=60)
    assert serving.returncode == 0, said
