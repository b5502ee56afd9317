"""``temporal-lambda dev --debug``: a debugger attaches to the function, as an editor does."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from temporalio.client import Client

from tests.support.debugger import Debugger
from tests.support.dev_session import Dev
from tests.support.documents import ROOT, blocks_for
from tests.support.lambdas import FUNCTIONS

# Python runs several times slower in a debugger, and all the more on a busy machine.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The file of a handler that a test may change."""
    return Path(shutil.copy(FUNCTIONS / "patient.py", tmp_path))


@pytest.fixture
def dev(project: Path) -> Iterator[Dev]:
    dev = Dev(f"{project}:lambda_handler", "--debug", "--debug-port", "0")
    yield dev
    dev.kill()


def line_of(file: Path, text: str) -> int:
    """The number of the line that has a text."""
    lines = file.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def port_of(dev: Dev) -> int:
    announced = dev.wait_for(
        r"debugger    127\.0\.0\.1:(\d+), debugpy; one invocation at a time, 15 min each, "
        r"not frozen between them"
    )
    dev.wait_for("start one")
    return int(announced[1])


async def connect(dev: Dev) -> Client:
    address = re.search(r"Temporal +(127\.0\.0\.1:\d+)", dev.output)
    assert address
    return await Client.connect(address[1])


async def test_activity_and_workflow_stop_at_breakpoints_and_go_on(dev: Dev, project: Path) -> None:
    port = await asyncio.to_thread(port_of, dev)
    in_workflow = line_of(project, "return answer")
    in_activity = line_of(project, "attempt = activity.info()")
    client = await connect(dev)
    with await asyncio.to_thread(Debugger, port, {project: [in_workflow, in_activity]}) as editor:
        handle = await client.start_workflow("be-patient", 0.0, id="one", task_queue="patience")
        thread, frame, name = await asyncio.to_thread(editor.stopped_in)
        assert name == "ask_again"
        assert await asyncio.to_thread(editor.value_of, "seconds", frame) == "0.0"
        await asyncio.to_thread(editor.ask, "continue", threadId=thread)
        thread, frame, name = await asyncio.to_thread(editor.stopped_in)
        assert name == "run"
        assert await asyncio.to_thread(editor.value_of, "answer", frame) == "'yes, the 1. time'"
        # Longer than the SDK lets a workflow stand still otherwise.
        await asyncio.sleep(3)
        await asyncio.to_thread(editor.ask, "continue", threadId=thread)
        assert await asyncio.wait_for(handle.result(), 60) == "yes, the 1. time"
        # The invocation ends; its process is there for the debugger all the same.
        await asyncio.to_thread(dev.wait_for, r"tasks 2 workflow, 1 activity .* success")
        assert await asyncio.to_thread(editor.ask, "threads")


async def test_changed_source_is_debugged_at_the_same_port_though_the_old_one_stands_still(
    dev: Dev, project: Path
) -> None:
    port = await asyncio.to_thread(port_of, dev)
    line = line_of(project, "attempt = activity.info()")
    client = await connect(dev)
    with await asyncio.to_thread(Debugger, port, {project: [line]}) as editor:
        await client.start_workflow("be-patient", 0.0, id="one", task_queue="patience")
        await asyncio.to_thread(editor.stopped_in)
        project.write_text(project.read_text().replace("yes, the", "changed, the"))
        await asyncio.to_thread(dev.wait_for, "serving the changed source")
    with await asyncio.to_thread(Debugger, port, {project: [line]}) as editor:
        handle = await client.start_workflow("be-patient", 0.0, id="two", task_queue="patience")
        _, _, name = await asyncio.to_thread(editor.stopped_in)
        assert name == "ask_again"
        await asyncio.to_thread(editor.ask, "disconnect")
        assert await asyncio.wait_for(handle.result(), 60) == "changed, the 1. time"


async def test_what_comes_while_it_is_busy_waits_or_is_turned_away(project: Path) -> None:
    """What waits is given the changed source, and does not end with the process before it."""
    target = f"{project}:lambda_handler"
    dev = Dev(target, "--debug", "--debug-port", "0", "--idle-timeout", "10m")
    try:
        await asyncio.to_thread(port_of, dev)
        announced = re.search(r"Lambda      (\S+), function (\S+)", dev.output)
        assert announced
        aws = lambda_client(announced[1])
        with pytest.raises(aws.exceptions.TooManyRequestsException):
            await asyncio.to_thread(aws.invoke, FunctionName=announced[2])
        await asyncio.to_thread(aws.invoke, FunctionName=announced[2], InvocationType="Event")
        project.write_text(project.read_text().replace("yes, the", "changed, the"))
        await asyncio.to_thread(dev.wait_for, "serving the changed source")
        client = await connect(dev)
        handle = await client.start_workflow("be-patient", 0.0, id="one", task_queue="patience")
        assert await asyncio.wait_for(handle.result(), 60) == "changed, the 1. time"
        await asyncio.to_thread(dev.wait_for, "invocation # 1 ")
        assert dev.output.count("invocation # ") == 1, dev.output
    finally:
        dev.kill()


def lambda_client(endpoint: str) -> Any:
    """Asks once."""
    return boto3.client(
        *("lambda", "us-east-1"),
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"max_attempts": 0}),
    )


def test_timeout_of_ones_own_is_kept(project: Path) -> None:
    dev = Dev(f"{project}:lambda_handler", "--debug", "--debug-port", "0", "--timeout", "2m")
    try:
        dev.wait_for("one invocation at a time, 2 min each")
    finally:
        dev.kill()


def test_port_that_is_taken_is_one_clear_error(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        begun = time.monotonic()
        dev = Dev(f"{project}:lambda_handler", "--debug", "--debug-port", str(port))
        assert dev.finish() == 1
        assert time.monotonic() - begun < 30
    assert f"Error: port {port} can't be used: Address already in use" in dev.output


def test_command_of_the_document_waits_for_a_debugger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = blocks_for(__file__, "docs/local.md")
    install, command = block.text.splitlines()
    assert install == "pip install debugpy"  # As the tests' environment has it.
    shutil.copytree(ROOT / "examples" / "greeting", tmp_path, dirs_exist_ok=True)
    program, subcommand, *arguments = shlex.split(command)
    assert (program, subcommand) == ("temporal-lambda", "dev")
    # 5678 may be taken on this machine.
    monkeypatch.chdir(tmp_path)
    dev = Dev(*arguments, "--debug-port", "0")
    try:
        assert port_of(dev)
    finally:
        dev.process.terminate()
        dev.finish()
