"""Functions of which several builds are deployed, and the commands that do it."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from temporalio.client import Client

from temporal_lambda.cli import main
from tests.support.aws_account import EXTERNAL_ID, INVOKE_ROLE, Account

HANDLER = """
from temporalio.common import WorkerDeploymentVersion
from temporal_lambda import run_worker
from workflows import BUILD, QUEUE, Which

def configure(config):
    config.worker_config["task_queue"] = QUEUE
    config.worker_config["workflows"] = [Which]

lambda_handler = run_worker(WorkerDeploymentVersion("{name}", BUILD), configure)
"""

WORKFLOWS = """
from temporalio import workflow
from temporalio.common import VersioningBehavior

BUILD = "{build}"
QUEUE = "{name}"

@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Which:
    @workflow.run
    async def run(self) -> str:
        return BUILD
"""


@dataclass
class Result:
    """What a command said."""

    code: int
    output: str

    @property
    def outcomes(self) -> dict[str, str]:
        """Step and outcome, of a command without ``--json``."""
        found = re.findall(
            r"^(unchanged|done|planned|failed) +([^:\n]+(?::\d+)?)", self.output, re.M
        )
        return {what: outcome for outcome, what in found}


class Builds:
    """A function of a name of its own, and the commands that deploy it."""

    def __init__(self, account: Account, client: Client, role: str, directory: Path) -> None:
        self.account = account
        self.client = client
        self.name = f"which-{uuid.uuid4().hex[:6]}"
        self.role = role
        self.directory = directory

    def package(self, build: str, handler: str = HANDLER, workflows: str = WORKFLOWS) -> Path:
        """Package a build, without what it needs: the local Lambda has that."""
        project = self.directory / uuid.uuid4().hex
        project.mkdir()
        (project / "handler.py").write_text(handler.format(name=self.name))
        (project / "workflows.py").write_text(workflows.format(build=build, name=self.name))
        (project / "requirements.txt").touch()
        archive = project / "function.zip"
        self.package_again(archive)
        return archive

    def package_again(self, archive: Path) -> None:
        """Run the command that makes a zip."""
        command = ["package", str(archive.parent), "--bytecode", "off", "-o", str(archive)]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output

    async def run(self, *arguments: str, **variables: str) -> Result:
        """Run a command as a user does."""
        environment = {**self.account.environment, "TEMPORAL_LAMBDA_EXTERNAL_ID": "", **variables}
        runner = CliRunner(env=environment)
        result = await asyncio.to_thread(runner.invoke, main, arguments)
        assert "Traceback" not in result.output, result.output
        assert EXTERNAL_ID not in result.output
        return Result(result.exit_code, result.output)

    async def deploy(self, archive: Path, *arguments: str) -> Result:
        """Deploy a build, with all that it needs; more arguments win."""
        return await self.run(*self.deploy_command(archive, *arguments))

    def deploy_command(self, archive: Path, *arguments: str) -> list[str]:
        """The command that deploys a build."""
        return [
            *("deploy", str(archive), "--role", self.role, "--timeout", "20s"),
            *("--invoke-role", INVOKE_ROLE, "--external-id", EXTERNAL_ID),
            *("--env", f"TEMPORAL_ADDRESS={self.account.temporal.address}"),
            *("--env", "TEMPORAL_LAMBDA_IDLE_TIMEOUT=1300ms"),
            *arguments,
        ]

    async def nothing_to_do(self, *arguments: str) -> Result:
        """Run a command that has nothing left to do: it calls nothing that changes anything."""
        self.account.writes.clear()
        self.account.temporal_writes.clear()
        result = await self.run(*arguments)
        assert result.code == 0, result.output
        assert (self.account.writes, self.account.temporal_writes) == ([], [])
        assert set(result.outcomes.values()) <= {"unchanged", "planned"}
        return result

    async def status(self) -> dict[str, Any]:
        return dict(json.loads((await self.run("status", self.name, "--json")).output))

    async def workflow(self) -> str:
        """The build that a new workflow ran on."""
        handle = self.client.execute_workflow(
            "Which", id=uuid.uuid4().hex, task_queue=self.name, result_type=str
        )
        # The controller looks at what was left behind once a minute.
        return await asyncio.wait_for(handle, 80)
