"""Builds the site."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomli

from docs_site.html_check import problems_of
from docs_site.pages import Pages, collect

ROOT = Path(__file__).parents[1]
CONFIGURATION = Path(__file__).with_name("zensical.toml")
COMMAND = [sys.executable, "-m", "zensical"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
WARNING = re.compile(r"^.*\b(?:warning|error)\b.*$", re.IGNORECASE | re.MULTILINE)
COLOR = re.compile(r"\x1b\[[\d;]*m")


def build(out: Path) -> list[str]:
    """Build the site.

    Args:
        out: A folder; the site is in ``html`` there.

    Returns:
        What is wrong with it.
    """
    pages = stage(out)
    ended = subprocess.run(
        [*COMMAND, "build", "--clean", "--strict", "-f", str(out / CONFIGURATION.name)],
        cwd=out,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    problems = [*misplaced(pages, navigation())]
    if ended.returncode or WARNING.search(ended.stdout):
        # Colors are for a terminal, and where its strict mode raises is no matter.
        said = COLOR.sub("", ended.stdout).partition("Traceback")[0]
        return [*problems, said]
    return [*problems, *problems_of(out / "html")]


def why_not_here() -> str:
    """Why this Python can't make the site; empty if it can."""
    if find_spec("zensical"):
        return ""
    return (
        "zensical, which makes the site, is not installed. It needs Python 3.11 or later, and this "
        f"is {sys.version_info.major}.{sys.version_info.minor}. With another one, in an "
        "environment of its own: make docs PYTHON=python3.11 VENV=.venvs/site"
    )


def stage(out: Path) -> Pages:
    """Put the pages and the configuration where the generator finds them."""
    pages = collect()
    pages.write(out / "pages")
    (out / CONFIGURATION.name).write_text(CONFIGURATION.read_text())
    return pages


def navigation() -> list[str]:
    """The pages that the navigation leads to."""

    def pages_in(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
            return
        for child in entry.values() if isinstance(entry, dict) else entry:
            yield from pages_in(child)

    return list(pages_in(tomli.loads(CONFIGURATION.read_text())["project"]["nav"]))


def misplaced(pages: Pages, navigation: list[str]) -> Iterator[str]:
    """Pages that the navigation leaves out or names twice, and such as are not there.

    Source files that pages link to need no place in it.
    """
    wanted = {path for path in pages.texts if not path.startswith("source/")}
    for page in sorted(wanted - set(navigation)):
        yield f"{CONFIGURATION.name}: nav leaves out {page}"
    for page in sorted(set(navigation) - wanted):
        yield f"{CONFIGURATION.name}: nav names {page}, which is not there"
    for page in sorted({page for page in navigation if navigation.count(page) > 1}):
        yield f"{CONFIGURATION.name}: nav names {page} twice"
