"""The fixtures in a project of a user's: examples/testing, under every kind of pytest."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import alive, command, descendants
from tests.support.sample_project import AT_ONCE, MODES, OF_ASYNCIO, Mode, make_project
from tests.support.waiting import until

# On a busy machine the server takes over a minute now and then until it routes to a version.
DEPLOY_SECONDS = 200.0
pytestmark = pytest.mark.timeout(300)

HANGS = """
import os, time
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [1, 2])
def test_hangs(deploy_function, number):
    deploy_function("handler.lambda_handler", "greeting")
    Path(f"deployed-{os.getpid()}").touch()
    time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    return tmp_path


@pytest.mark.parametrize("mode", MODES, ids=[mode.name for mode in MODES])
def test_fixtures_serve_a_project_of_a_user(project: Path, mode: Mode) -> None:
    ended = subprocess.run(
        [sys.executable, *mode.command()],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert re.findall(r"^=+ (\d+ .*) in [\d.]+s", said, re.MULTILINE) == [f"{mode.tests} passed"]


def start(project: Path, log: Path, *options: str) -> subprocess.Popen[bytes]:
    """Run pytest without waiting for its end."""
    arguments = Mode("", (*OF_ASYNCIO["strict"], *options), 0).command()
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=project, stdout=output, stderr=output
        )


@pytest.mark.parametrize(("place", "sessions"), [("alone", 1), ("under xdist", 2)])
async def test_kill_of_pytest_leaves_no_process_behind(
    project: Path, place: str, sessions: int
) -> None:
    (project / "test_hangs.py").write_text(HANGS)
    log = project / "log"
    pytest_itself = start(project, log, *AT_ONCE[place], "test_hangs.py")
    children: list[int] = []

    def left() -> list[str]:
        return [command(child) for child in children if alive(child)]

    try:
        await until(
            lambda: (
                len(list(project.glob("deployed-*"))) == sessions
                or pytest_itself.poll() is not None
            ),
            DEPLOY_SECONDS,
        )
        assert pytest_itself.poll() is None, log.read_text()
        children = descendants(pytest_itself.pid)
        servers = [child for child in children if "start-dev" in command(child)]
        # A server's keeper, which has its command line too, and the server.
        assert len(servers) >= sessions
        assert any("lambda_handler" in command(child) for child in children)
    finally:
        pytest_itself.kill()
        pytest_itself.wait()
    with contextlib.suppress(asyncio.TimeoutError):
        await until(lambda: not left())
    assert left() == []
