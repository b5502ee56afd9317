"""``temporal-lambda dev``, as a user runs it: a process with a terminal or without."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from temporal_lambda.local.runtime_module import runtime_module
from temporal_lambda.local.temporal_server import find_temporal
from tests.support.dev_session import PATIENCE, Dev
from tests.support.processes import alive, command, descendants

ROOT = Path(__file__).parents[2]


@pytest.fixture
def greeting(tmp_path: Path) -> Path:
    """A copy of the example that a test may edit; without idle timeout, which tests choose."""
    shutil.copytree(ROOT / "examples" / "greeting", tmp_path / "greeting")
    handler = tmp_path / "greeting" / "handler.py"
    text = handler.read_text()
    handler.write_text(re.sub(r"    config\.idle_timeout = .*\n", "", text))
    assert handler.read_text() != text
    return tmp_path / "greeting"


def target(greeting: Path) -> str:
    return f"{greeting / 'handler.py'}:lambda_handler"


def test_execute_prints_the_result_and_what_it_would_have_cost(
    greeting: Path, started: list[Dev]
) -> None:
    dev = Dev(
        target(greeting), "--idle-timeout", "500ms", "--execute", "Greeting", "--input", '"W"'
    )
    started.append(dev)
    assert dev.finish() == 0, dev.output
    assert 'result      "Hello, W!"' in dev.output
    assert re.search(
        r"served by   Event invocation \d+ of handler-lambda_handler-[0-9a-f]{8}, "
        r"made by the server's worker controller, in process \d+ of python -m " + runtime_module(),
        dev.output,
    )
    assert re.search(r"billed      \d+ ms of the 60000 ms", dev.output)


def test_execution_that_fails_exits_with_1(greeting: Path, started: list[Dev]) -> None:
    source = greeting / "workflows.py"
    failing = (
        "from temporalio.exceptions import ApplicationError\n\n\n"
        "@activity.defn\n"
        "async def compose_greeting(name: str) -> str:\n"
        "    raise ApplicationError('no greeting today', non_retryable=True)\n\n\n"
        "@workflow.defn"
    )
    source.write_text(source.read_text().replace("@workflow.defn", failing))
    dev = Dev(
        target(greeting), "--idle-timeout", "500ms", "--execute", "Greeting", "--input", '"W"'
    )
    started.append(dev)
    assert dev.finish() == 1, dev.output
    assert "workflow failed: no greeting today" in dev.output


@pytest.mark.parametrize("terminal", [False, True])
def test_session_serves_workflows_and_ends_with_ctrl_c(
    terminal: bool, greeting: Path, started: list[Dev]
) -> None:
    dev = Dev(target(greeting), "--idle-timeout", "500ms", terminal=terminal)
    started.append(dev)
    line = dev.wait_for(r"start one +temporal (workflow start .*)").group(1).strip()
    assert "--type Greeting" in line
    assert "Web UI      http://127.0.0.1:" in dev.output
    subprocess.run(f"{find_temporal()} {line}", shell=True, check=True, capture_output=True)
    dev.wait_for(r"2w 1a" if terminal else r"2 workflow, 1 activity")
    dev.wait_for("idle")
    if terminal:
        dev.wait_for("1 workflows: .*1 completed")
    children = descendants(dev.process.pid)
    assert len(children) >= 2
    dev.process.send_signal(signal.SIGINT)
    assert dev.finish() == 0, dev.output
    assert not any(alive(child) for child in children)


def test_crash_of_the_session_leaves_no_process_behind(greeting: Path, started: list[Dev]) -> None:
    dev = Dev(target(greeting), "--idle-timeout", "500ms")
    started.append(dev)
    dev.wait_for("start one")
    children = descendants(dev.process.pid)
    assert any(runtime_module() in command(child) for child in children)
    assert any("start-dev" in command(child) for child in children)
    dev.process.kill()
    dev.finish()
    until = time.monotonic() + PATIENCE
    while any(alive(child) for child in children):
        assert time.monotonic() < until, [command(child) for child in children if alive(child)]
        time.sleep(0.02)


def test_session_whose_terminal_is_closed_leaves_nothing_behind(
    greeting: Path, started: list[Dev], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not the test's own folder, whose name is too long for a socket's.
    with tempfile.TemporaryDirectory() as scratch:
        monkeypatch.setenv("TMPDIR", scratch)
        dev = Dev(target(greeting), "--idle-timeout", "500ms", terminal=True)
        started.append(dev)
        dev.wait_for("start one")
        children = descendants(dev.process.pid)
        assert list(Path(scratch).glob("temporal-lambda-*"))
        dev.hang_up()
        dev.process.wait(PATIENCE)
        assert not any(alive(child) for child in children)
        assert not list(Path(scratch).glob("temporal-lambda-*"))


def test_session_that_is_to_outlive_its_terminal_does(greeting: Path, started: list[Dev]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        # As nohup does it.
        dev = Dev(target(greeting), "--idle-timeout", "500ms")
    finally:
        signal.signal(signal.SIGHUP, before)
    started.append(dev)
    dev.wait_for("start one")
    dev.process.send_signal(signal.SIGHUP)
    (greeting / "handler.py").touch()
    dev.wait_for("serving the changed source")


def test_changed_source_is_served_at_once_though_the_old_one_still_polls(
    greeting: Path, started: list[Dev]
) -> None:
    dev = Dev(target(greeting), "--idle-timeout", "30s")
    started.append(dev)
    line = dev.wait_for(r"start one +temporal (workflow start .*)").group(1).strip()
    source = greeting / "workflows.py"
    source.write_text(source.read_text().replace("Hello", "Goodbye"))
    dev.wait_for("source changed")
    dev.wait_for("serving the changed source")
    started_workflow = subprocess.run(
        f"{find_temporal()} {line} --workflow-id changed",
        shell=True,
        check=True,
        capture_output=True,
    )
    assert started_workflow.returncode == 0
    address = re.search(r"--address (\S+)", line)
    assert address
    result = subprocess.run(
        [find_temporal(), "--address", address[1], "workflow", "result", "-w", "changed"],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "Goodbye, World!" in result.stdout


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("lambda_handler = 1", "handler.lambda_handler is a int, which can't be called"),
        ("", "module 'handler' has no 'lambda_handler'"),
        ("def lambda_handler(event, context): ...", "was not made by temporal_lambda.run_worker"),
        ("raise SystemExit('enough')", "importing 'handler' failed"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()",
            "module 'handler' has no 'lambda_handler'",
        ),
        ("print('loading', end='')", "module 'handler' has no 'lambda_handler'"),
    ],
)
def test_handler_that_cant_be_used_is_one_clear_error(
    source: str, message: str, greeting: Path, started: list[Dev]
) -> None:
    (greeting / "handler.py").write_text(source)
    dev = Dev(target(greeting), "--no-reload")
    started.append(dev)
    assert dev.finish() == 1, dev.output
    assert f"Error: handler handler.lambda_handler: {message}" in dev.output or (
        message in dev.output and "Error: handler handler.lambda_handler" in dev.output
    )


@pytest.mark.parametrize("option", ["--lambda-port", "--temporal-port", "--ui-port"])
def test_port_in_use_is_one_clear_error(option: str, greeting: Path, started: list[Dev]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        dev = Dev(target(greeting), option, str(port))
        started.append(dev)
        assert dev.finish() == 1
    assert f"Error: port {port} can't be used: Address already in use. Free it, or" in dev.output
    assert "Traceback" not in dev.output


def test_handler_that_was_refused_can_be_mended(greeting: Path, started: list[Dev]) -> None:
    dev = Dev(target(greeting), "--idle-timeout", "500ms")
    started.append(dev)
    dev.wait_for("start one")
    source = greeting / "handler.py"
    good = source.read_text()
    source.write_text(good.replace("def configure(", "def configure(oops"))
    dev.wait_for("status NameError: name 'config' is not defined")
    source.write_text(good.replace('"1.0"', '"2.0"'))
    dev.wait_for("serving the changed source, build 2.0")


def test_ctrl_c_during_the_import_of_the_handler_leaves_no_process_behind(
    greeting: Path, started: list[Dev]
) -> None:
    (greeting / "handler.py").write_text("import time\ntime.sleep(60)\n")
    dev = Dev(target(greeting))
    started.append(dev)
    until = time.monotonic() + PATIENCE
    while not any("describe" in command(child) for child in descendants(dev.process.pid)):
        assert time.monotonic() < until
        time.sleep(0.02)
    children = descendants(dev.process.pid)
    dev.process.send_signal(signal.SIGINT)
    assert dev.finish() == 0, dev.output
    assert not any(alive(child) for child in children)


def test_result_and_tasks_are_told_even_if_the_report_is_hidden(
    greeting: Path, started: list[Dev]
) -> None:
    dev = Dev(
        *(target(greeting), "--idle-timeout", "500ms", "--env", "AWS_LAMBDA_LOG_LEVEL=ERROR"),
        *("--execute", "Greeting", "--input", '"Wörld [bold] [/b]"'),
    )
    started.append(dev)
    assert dev.finish() == 0, dev.output
    assert 'result      "Hello, Wörld [bold] [/b]!"' in dev.output
    assert "served by   Event invocation" in dev.output
    assert "tasks       2 workflow, 1 activity" in dev.output


def test_unreachable_server_is_one_clear_error(greeting: Path, started: list[Dev]) -> None:
    dev = Dev(target(greeting), "--temporal-address", "127.0.0.1:1")
    started.append(dev)
    assert dev.finish() == 1
    assert "Error: the Temporal server at 127.0.0.1:1 can't be reached" in dev.output
