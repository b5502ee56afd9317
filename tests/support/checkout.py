"""A copy of the checkout from which the package can be built and installed without the network."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]

OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    # pip reads it as the value of --build-isolation: build with the hatchling that is installed.
    "PIP_NO_BUILD_ISOLATION": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
"""The shortcut: the wheel's dependencies are not downloaded but taken from the tests' own packages,
which keeps this under 20 s and free of the network. That the extra names them is checked elsewhere:
``make demo`` installs it from the index."""

FILES = (
    *("pyproject.toml", "LICENSE"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "temporal.toml.example"),
)


def copy_what_is_built(folder: Path) -> None:
    """Copy the package, and what its build reads beside it.

    Args:
        folder: A folder that is not there yet.
    """
    for name in ("temporal_lambda", "docs", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
