"""The commands of the documents about deploying, as they stand there, one after the other."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.aws_account import EXTERNAL_ID, INVOKE_ROLE, Account
from tests.support.checkout import copy_what_is_built

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("deploy.md", "operations.md", "sizing.md", "secrets.md")
NEEDS_AWS = "# needs AWS"
OTHER_MACHINE = " --python 3.13 --arch arm64"


def commands(document: Path) -> Iterator[str]:
    """The commands of a document's shell blocks, each with the lines that it goes on in."""
    for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.M | re.S):
        yield from re.findall(r"^\S(?:[^\n]*\\\n)*[^\n]*", block, re.M)


def runnable() -> list[str]:
    """All but those that are marked as needing AWS."""
    found = [command for name in DOCUMENTS for command in commands(ROOT / "docs" / name)]
    return [command for command in found if NEEDS_AWS not in command]


def for_this_machine() -> Iterator[str]:
    """As they stand there; but what the local Lambda is to run is packaged for this machine.

    It has neither that processor nor that Python. As printed it is packaged once; and not again
    where nothing has changed, which takes half a minute and makes the same zip.
    """
    as_printed, changed = False, True
    for command in runnable():
        changed = changed or command.startswith("sed ")
        if OTHER_MACHINE not in command:
            yield command
        elif changed:
            if not as_printed:
                yield command
            yield command.replace(OTHER_MACHINE, "")
            as_printed, changed = True, False


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the guide calls ``$CHECKOUT``: a checkout in which the wheel was built."""
    folder = tmp_path_factory.mktemp("guide") / "checkout"
    copy_what_is_built(folder)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


# Packages three times, with all that the wheel needs from the index.
@pytest.mark.timeout(480)
async def test_every_command_runs_that_is_not_marked_as_needing_aws(
    account: Account, role: str, checkout: Path, tmp_path: Path
) -> None:
    project = tmp_path / "greeting"
    project.mkdir()
    environment = {
        **os.environ,
        **account.environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CHECKOUT": str(checkout),
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_LAMBDA_EXECUTION_ROLE": role,
        "TEMPORAL_LAMBDA_INVOKE_ROLE": INVOKE_ROLE,
        "TEMPORAL_LAMBDA_EXTERNAL_ID": EXTERNAL_ID,
        "TEMPORAL_LAMBDA_ON_FAILURE": "arn:aws:sqs:us-east-1:123456789012:failed-events",
        "API_KEY_SECRET": "none",
    }
    said = ""
    for command in for_this_machine():
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
