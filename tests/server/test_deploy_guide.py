"""The commands of the documents about deploying, as they stand there, one after the other."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.aws_account import EXTERNAL_ID, INVOKE_ROLE, Account

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("deploy.md", "operations.md", "sizing.md", "secrets.md")
NEEDS_AWS = "# needs AWS"


def commands(document: Path) -> Iterator[str]:
    """The commands of a document's shell blocks, each with the lines that it goes on in."""
    for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.M | re.S):
        yield from re.findall(r"^\S(?:[^\n]*\\\n)*[^\n]*", block, re.M)


def runnable() -> list[str]:
    """All but those that are marked as needing AWS."""
    found = [command for name in DOCUMENTS for command in commands(ROOT / "docs" / name)]
    return [command for command in found if NEEDS_AWS not in command]


@pytest.mark.timeout(180)
async def test_every_command_runs_that_is_not_marked_as_needing_aws(
    account: Account, role: str, tmp_path: Path
) -> None:
    project = tmp_path / "greeting"
    shutil.copytree(ROOT / "examples" / "greeting", project)
    # The local Lambda has what it needs.
    (project / "requirements.txt").touch()
    environment = {
        **os.environ,
        **account.environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_LAMBDA_EXECUTION_ROLE": role,
        "TEMPORAL_LAMBDA_INVOKE_ROLE": INVOKE_ROLE,
        "TEMPORAL_LAMBDA_EXTERNAL_ID": EXTERNAL_ID,
        "TEMPORAL_LAMBDA_ON_FAILURE": "arn:aws:sqs:us-east-1:123456789012:failed-events",
        "API_KEY_SECRET": "none",
    }
    said = ""
    for command in runnable():
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", command),
            cwd=project,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        said += f"$ {command}\n{output.decode()}"
        assert process.returncode == 0, said
    assert "Hello, World!" in said
    assert "10 % to build 1.1" in said
    assert "all to build 1.0" in said
    assert "unknown environment variable" not in said
    assert EXTERNAL_ID not in said


def test_only_what_takes_an_account_is_marked_as_needing_aws() -> None:
    marked = [
        command
        for name in DOCUMENTS
        for command in commands(ROOT / "docs" / name)
        if NEEDS_AWS in command
    ]
    assert marked
    assert [command for command in marked if not command.startswith(("aws ", "export "))] == []
    assert len(runnable()) > 10
