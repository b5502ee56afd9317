"""A copy of the checkout, and what pages that install the package from one find on the way.

As a rule they build the wheel as printed, and what it needs is borrowed from the tests' own
packages. ``make release-check`` names the wheel that is to be released instead; then that one is
installed, and what it needs comes from the index, as for a user.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "tests" / "constraints" / "dev.txt"

WHEEL = "WHEEL_TO_RELEASE"
"""The variable that names one."""

OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    # pip reads it as the value of --build-isolation: build with the hatchling that is installed.
    "PIP_NO_BUILD_ISOLATION": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    # uv, which makes zips for Lambda, does use the index: today's releases must not fail a test.
    "UV_CONSTRAINT": str(CONSTRAINTS),
}
"""The shortcut: pip downloads nothing, which saves half a minute. What the wheel needs is borrowed
from the tests' own packages. ``temporal-lambda package`` is no part of it: uv takes what goes into
the zip from the index, or from its cache. That the extras name what they need is checked elsewhere:
``make demo`` and ``make test-extras`` install them from the index."""

FILES = (
    *("pyproject.toml", "LICENSE"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "temporal.toml.example"),
)
BUILD = re.compile(r"^pip wheel .*--wheel-dir dist \.$", re.MULTILINE)
INSTALL = re.compile(r'^pip install .*"\$CHECKOUT/dist/.*$', re.MULTILINE)
BORROW = f"""echo '{sysconfig.get_path("purelib")}' \
    >"$(python -c "import site; print(*site.getsitepackages())")/borrowed.pth\""""


def copy_what_is_built(folder: Path) -> None:
    """Copy the package, and what its build reads beside it.

    Args:
        folder: A folder that is not there yet.
    """
    for name in ("temporal_lambda", "docs", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)


def variables(folder: Path) -> dict[str, str]:
    """The variables of the shell in which a page's commands are typed.

    Args:
        folder: For programs, which is not there yet.
    """
    python = Path(sys.executable)
    if not os.environ.get(WHEEL):
        return {**os.environ, **OFFLINE, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    # This Python, but not its packages' commands: they might stand in for missing ones.
    folder.mkdir()
    program = folder / "python3"
    program.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    program.chmod(0o755)
    path = [place for place in os.environ["PATH"].split(os.pathsep) if place != str(python.parent)]
    # Like --quiet, once more: what pip warns of on this machine is nothing that a page shows.
    return {**os.environ, "PATH": os.pathsep.join([str(folder), *path]), "PIP_QUIET": "1"}


def adapt(commands: str) -> str:
    """The commands of a page that builds the wheel in a checkout, and installs it elsewhere.

    Raises:
        AssertionError: They build it in other words, and the wheel to release would not be taken.
    """
    if wheel := os.environ.get(WHEEL):
        adapted = BUILD.sub(f'mkdir -p dist; cp "{wheel}" dist/', commands)
        assert "pip wheel" not in adapted, commands
        return adapted
    return INSTALL.sub(lambda found: f"{found[0]}\n{BORROW}", commands)
