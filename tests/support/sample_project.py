"""A project of a user's whose tests use the fixtures, and the kinds of pytest that may run it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

EXAMPLES = Path(__file__).parents[2] / "examples"

CONFIGURATION = """\
[pytest]
filterwarnings = error
"""


class Mode(NamedTuple):
    """A kind of pytest.

    Attributes:
        name: What it is called.
        options: For pytest.
        tests: How many tests it runs.
    """

    name: str
    options: tuple[str, ...]
    tests: int

    def command(self) -> tuple[str, ...]:
        """Arguments for Python."""
        return ("-m", "pytest", "-p", "no:cacheprovider", *self.options)


OF_ASYNCIO = {
    "strict": ("-o", "asyncio_mode=strict", "-o", "asyncio_default_fixture_loop_scope=function"),
    "auto": ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"),
}
AT_ONCE = {"alone": ("-p", "no:xdist"), "under xdist": ("-n", "2")}

MODES = (
    *(
        Mode(f"{kind} mode, {place}", (*options, *workers), 5)
        for kind, options in OF_ASYNCIO.items()
        for place, workers in AT_ONCE.items()
    ),
    *(
        Mode(f"without asyncio, {place}", ("-p", "no:asyncio", *workers, "test_greeting.py"), 2)
        for place, workers in AT_ONCE.items()
    ),
)
"""pytest-asyncio's two modes, and no plugin for coroutines at all; in one process and in two."""


def make_project(folder: Path) -> None:
    """Write the greeting's code, its tests and a configuration that makes warnings errors."""
    shutil.copytree(EXAMPLES / "greeting", folder / "greeting")
    for test in (EXAMPLES / "testing").glob("test_*.py"):
        shutil.copy(test, folder)
    (folder / "pytest.ini").write_text(CONFIGURATION)
