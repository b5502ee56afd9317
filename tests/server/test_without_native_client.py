"""The local stack where awslambdaric has no native client: here it is hidden, as on macOS."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.local import LambdaService, runtime_module
from tests.matrix import DEMO
from tests.support.lambdas import call, function, recorded
from tests.support.processes import command

ROOT = Path(__file__).parents[2]
HIDING = {"PYTHONPATH": str(ROOT / "tests" / "support" / "no_native_client")}


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide it from this process; functions are told by their environment."""
    monkeypatch.setattr(runtime_module, "NATIVE_CLIENT", "runtime_client_of_another_system")


@pytest.mark.usefixtures("hidden")
async def test_handler_gets_the_same_event_and_context(service: LambdaService, client: Any) -> None:
    service.add(function("echo", environment={**HIDING, "VALUE": "1"}))
    first = await call(client, "echo", {"text": "Wörld"})
    second = await call(client, "echo", {"text": "again"})
    assert first["body"]["event"] == {"text": "Wörld"}
    assert first["body"]["request_id"] == first["ResponseMetadata"]["RequestId"]
    assert first["body"]["arn"].endswith(":function:echo")
    assert 0 < first["body"]["remaining_ms"] <= 60_000
    assert (first["body"]["calls"], second["body"]["calls"]) == (1, 2)
    assert {"to stdout", "to stderr"} <= set(service.records[0].log)


@pytest.mark.usefixtures("hidden")
async def test_failures_are_told_as_by_the_native_client(
    service: LambdaService, client: Any
) -> None:
    for handler in ("fail", "leave", "big"):
        service.add(function(handler, environment=HIDING))
        await call(client, handler, {})
    service.add(function("hang", environment=HIDING, timeout=timedelta(seconds=1)))
    await call(client, "hang", {})
    failed, left, big, hung = await recorded(service, 4)
    assert (failed.status, failed.error) == ("error", "ValueError: handler broke")
    assert left.status == "crash"
    assert big.error
    assert big.error.startswith("Function.ResponseSizeTooLarge")
    assert hung.status == "timeout"


@pytest.mark.usefixtures("hidden")
async def test_init_error_and_snapshot_work(service: LambdaService, client: Any) -> None:
    service.add(function("echo", environment={**HIDING, "INIT_FAILS": "1"}))
    assert (await call(client, "echo", {}))["body"]["errorMessage"] == "init broke"
    service.add(function("fail_twice", environment=HIDING, snapstart=True))
    await call(client, "fail_twice", {})
    assert service.records[-1].restore_ms is not None


@pytest.mark.usefixtures("hidden")
async def test_runtime_is_awslambdaric_with_our_client(service: LambdaService, client: Any) -> None:
    service.add(function("echo", environment=HIDING))
    pid = (await call(client, "echo", {}))["body"]["pid"]
    assert "-m temporal_lambda.runtime_client plain.echo" in command(pid)


async def test_awslambdaric_alone_would_fail(
    service: LambdaService, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That what hides the native client does hide it."""
    # So that the service takes it to be there, also where it is hidden from this process.
    monkeypatch.setattr(runtime_module, "NATIVE_CLIENT", "awslambdaric")
    service.add(function("echo", environment=HIDING))
    await call(client, "echo", {})
    assert service.records[0].status != "success"
    assert any(
        "'NoneType' object has no attribute 'next'" in line for line in service.records[0].log
    )


def test_demo_runs() -> None:
    """``make demo``, with the client hidden from the command and from the function."""
    hiding = f"PYTHONPATH={HIDING['PYTHONPATH']}"
    result = subprocess.run(
        [sys.executable, *DEMO, "--env", hiding],
        cwd=ROOT,
        env={**os.environ, **HIDING},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'result      "Hello, World!"' in result.stdout
    assert "python -m temporal_lambda.runtime_client" in result.stdout
