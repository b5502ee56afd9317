"""An instance with Dagster's own processes beside it: its daemon and its webserver."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import DagsterRunStatus, JobDefinition
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from temporal_lambda.local.ports import free_port
from tests.dagster import jobs
from tests.dagster.dagster_fixtures import JOBS, Dagster, eventually

SETTINGS = {
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    },
    "run_monitoring": {"enabled": True, "poll_interval_seconds": 1},
    "run_retries": {"enabled": True},
}
"""All turns of the daemon are as short as ``dagster.yaml`` lets them be."""

DAEMON = """
import sys
from dagster._daemon import controller
from dagster._daemon.cli import main
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1
sys.argv[0] = "dagster-daemon"
main()
"""
"""``dagster-daemon``; it looks at backfills every second instead of every 30 s."""

LOCATION = "jobs.py"

BIN = Path(sys.executable).parent


class Process:
    """One of Dagster's processes, with those it starts."""

    def __init__(self, home: str, command: list[str]) -> None:
        self._home = home
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, "DAGSTER_HOME": self._home},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it without a warning, with those it has started."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def listens(port: int) -> bool:
    """Whether a server on this machine takes connections."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class World:
    """Dagster's processes, each started when a test first wants it.

    Args:
        dagster: The instance.
        code: The file with the jobs.
    """

    def __init__(self, dagster: Dagster, code: Path = JOBS) -> None:
        self.dagster = dagster
        home = dagster.instance.root_directory
        # One code server for both; loading code is most of what they do as they start.
        code_port = free_port()
        server = {"host": "127.0.0.1", "port": code_port, "location_name": LOCATION}
        workspace = Path(home) / "workspace.yaml"
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
        address = ["--host", "127.0.0.1", "--port"]
        served = ["--python-file", str(code), *address, str(code_port)]
        self._code = Process(home, [str(BIN / "dagster"), "api", "grpc", *served])
        daemon = [sys.executable, "-c", DAEMON, "run", "--workspace", str(workspace)]
        self.daemon = Process(home, daemon)
        port = str(free_port())
        webserver = [str(BIN / "dagster-webserver"), "--workspace", str(workspace)]
        self._webserver = Process(home, [*webserver, *address, port])
        self._url = f"http://127.0.0.1:{port}/graphql"
        self._code.start()
        # Who starts before it looks for it again after a minute.
        eventually(lambda: listens(code_port), "the code server listens", seconds=60)

    def close(self) -> None:
        """End all processes."""
        for process in (self.daemon, self._webserver, self._code):
            process.kill()

    def enqueue(
        self,
        tags: Mapping[str, str],
        run_config: Mapping[str, Any] | None = None,
        job: JobDefinition = jobs.untagged,
        **more: Any,
    ) -> str:
        """A run that the daemon is to launch."""
        location = RegisteredCodeLocationOrigin(LOCATION)
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job.name)
        queued = DagsterRunStatus.QUEUED
        run = self.dagster.create(tags, run_config, job, queued, remote_job_origin=origin, **more)
        return run.run_id

    def start_webserver(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        self._webserver.start()
        eventually(self._answers, "the webserver answers", seconds=60)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("{ version }"))
        except OSError:
            return False

    def ask(self, query: str, **variables: Any) -> Any:
        """What the webserver's GraphQL says, which must be no error."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            found = json.loads(response.read())
        assert "errors" not in found, str(found)[:2000]
        return found["data"]
