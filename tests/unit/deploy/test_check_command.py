"""``check`` of code on this machine: a real handler is imported, and its callback run."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from temporal_lambda.cli import main
from tests.unit.deploy.projects import TOKEN, Project

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

WORKFLOWS = """
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.common import VersioningBehavior

@activity.defn
def resize(name: str) -> str:
    return name

@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Good:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            resize, "a", start_to_close_timeout=timedelta(seconds=30)
        )

@workflow.defn
class Bad:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            resize, "a", start_to_close_timeout=timedelta(hours=1)
        )
"""

HANDLER = """
from concurrent.futures import ThreadPoolExecutor
from temporalio.common import WorkerDeploymentVersion
from temporal_lambda import run_worker
from workflows import Good, Bad, resize

async def configure(config):
    config.worker_config["task_queue"] = "greetings"
    config.worker_config["workflows"] = [Good]
    config.worker_config["activities"] = [resize]
    config.worker_config["activity_executor"] = ThreadPoolExecutor(1)
    config.idle_timeout = "auto"
    EXTRA
    yield
    print("torn down")

lambda_handler = run_worker(WorkerDeploymentVersion("greeting", "1.0"), configure)
"""

BAD = "config.worker_config.update(workflows=[Good, Bad], activity_executor=None)"


def write(project: Project, extra: str = "pass", **files: str) -> None:
    project.write(
        {"workflows.py": WORKFLOWS, "handler.py": HANDLER.replace("EXTRA", extra), **files}
    )


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "--offline", *arguments])


def found(result: Result) -> dict[str, Any]:
    return {finding["id"]: finding for finding in json.loads(result.output)}


def test_project_as_it_should_be_has_no_finding(project: Project) -> None:
    write(project)
    result = check(f"{project.path}/")
    assert (result.exit_code, result.output) == (0, "nothing found\n")


def test_project_that_will_fail_is_found(project: Project) -> None:
    write(project, BAD)
    result = check(f"{project.path}/", "--json")
    assert result.exit_code == 1
    findings = found(result)
    assert set(findings) == {"versioning-behavior", "activity-executor", "activity-timeout"}
    assert "behavior: Bad" in findings["versioning-behavior"]["what"]
    assert "not async: resize" in findings["activity-executor"]["what"]
    assert "workflows.py:23 lets an activity take 3600 s" in findings["activity-timeout"]["what"]


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_zip_is_looked_at_whatever_machine_it_is_for(project: Project, arch: str) -> None:
    write(project, BAD, **{"settings.py": f'KEY = "{TOKEN}"\n'})
    project.package(python=PYTHON, arch=arch, allow_secrets=True)
    result = check(str(project.zip), "--json")
    assert result.exit_code == 1
    assert TOKEN not in result.output
    findings = found(result)
    assert set(findings) == {
        "versioning-behavior",
        "activity-executor",
        "activity-timeout",
        "no-bytecode",
        "secret-in-zip",
    }
    assert "settings.py, line 1 (an API key)" in findings["secret-in-zip"]["what"]


def test_callback_and_import_that_fail_are_found(project: Project) -> None:
    write(project, 'raise KeyError("TABLE")')
    findings = found(check(f"{project.path}/", "--json"))
    assert "KeyError: 'TABLE'" in findings["configure"]["what"]
    project.write({"workflows.py": "import nowhere"})
    findings = found(check(f"{project.path}/", "--json"))
    assert "No module named 'nowhere'" in findings["handler"]["what"]


def test_handler_of_another_make_is_told(project: Project) -> None:
    assert set(found(check(f"{project.path}/", "--json"))) == {"handler-version"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["greeting"], "--offline goes with a zip or a directory"),
        (["nowhere.zip"], "nowhere.zip.json is missing"),
        (["./", "--handler", "other.lambda_handler"], "there is no other.py"),
    ],
)
def test_wrong_target_is_one_clear_error(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(project.path)
    result = check(*arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output
