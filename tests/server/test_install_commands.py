"""The commands that docs/install.md and docs/local.md begin with, as they stand there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import OFFLINE, copy_what_is_built
from tests.support.documents import ROOT, Block, blocks_for, typed

# Making an environment takes 5 s, and on a busy machine much longer.
pytestmark = pytest.mark.timeout(300)

CHECKOUT = "/path/to/checkout"
"""What the documents call it."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of a checkout the package is built from."""
    folder = tmp_path_factory.mktemp("install") / "checkout"
    copy_what_is_built(folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a shell in which a virtual environment is activated.

    It finds the tests' own packages, and their commands, after its own.
    """
    venv = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    folders = (str(venv / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
    path = os.pathsep.join(folders)
    return {**os.environ, **OFFLINE, "PATH": path, "VIRTUAL_ENV": str(venv)}


@pytest.fixture
def installed(environment: dict[str, str]) -> Iterator[Path]:
    """Where the package's handler is once it is installed; it is not, and won't be."""
    (packages,) = Path(environment["VIRTUAL_ENV"]).glob("lib/python*/site-packages")
    assert not list(packages.glob("temporal_lambda*"))
    yield packages / "temporal_lambda" / "handler.py"
    for folder in packages.glob("temporal_lambda*"):
        shutil.rmtree(folder)


def script(block: Block, checkout: Path) -> str:
    assert CHECKOUT in block.text
    return block.text.replace(CHECKOUT, str(checkout))


@pytest.mark.parametrize("block", blocks_for(__file__, "docs/install.md"), ids=lambda b: b.place)
def test_package_is_installed(
    block: Block, checkout: Path, environment: dict[str, str], installed: Path, tmp_path: Path
) -> None:
    ended = typed(script(block, checkout), tmp_path, environment, 200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert installed.is_file()


def test_handler_runs(
    checkout: Path, environment: dict[str, str], installed: Path, tmp_path: Path
) -> None:
    (block,) = blocks_for(__file__, "docs/local.md")
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "greeting", project)
    with subprocess.Popen(
        ["sh", "-e", "-c", script(block, checkout)],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout
        said = []
        try:
            for line in shell.stdout:
                said.append(line)
                if "temporal workflow start" in line:
                    os.killpg(shell.pid, signal.SIGINT)
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGKILL)
    assert any("temporal workflow start" in line for line in said), "".join(said)
    assert installed.is_file()
