"""The fixtures in a project of a user's: examples/testing, under every kind of pytest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import alive, command, descendants
from tests.support.waiting import PATIENCE

EXAMPLES = Path(__file__).parents[2] / "examples"

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the greeting's code and tests, and a configuration of its own."""
    shutil.copytree(EXAMPLES / "greeting", pytester.path / "greeting")
    for test in (EXAMPLES / "testing").glob("test_*.py"):
        shutil.copy(test, pytester.path)
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
    )
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=90)


def test_in_strict_mode_under_xdist(project: pytest.Pytester) -> None:
    run(project, "-n", "2", "-o", "asyncio_mode=strict").assert_outcomes(passed=5)


def test_in_auto_mode(project: pytest.Pytester) -> None:
    run(project, "-o", "asyncio_mode=auto").assert_outcomes(passed=5)


def test_without_asyncio(project: pytest.Pytester) -> None:
    run(project, "-p", "no:asyncio", "-W", "default", "test_greeting.py").assert_outcomes(passed=2)


def test_kill_of_a_session_leaves_no_process_behind(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_hangs=(
            "import time\n"
            "def test_hangs(deploy_function):\n"
            "    deploy_function('handler.lambda_handler', 'greeting')\n"
            "    print('DEPLOYED', flush=True)\n"
            "    time.sleep(600)\n"
        )
    )
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "test_hangs.py"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdout
        assert any("DEPLOYED" in line for line in session.stdout)
        children = descendants(session.pid)
        assert any("start-dev" in command(child) for child in children)
        os.kill(session.pid, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while left := [command(child) for child in children if alive(child)]:
        assert time.monotonic() < until, left
        time.sleep(0.02)
