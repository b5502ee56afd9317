"""The documents, and the blocks of code in them.

A comment above a block of Python or shell says how it is tested:

- ``<!-- file: PATH -->``: it is that file, which has tests of its own.
- ``<!-- run -->``: it is a module, which is imported, and whose ``configure`` is called.
- ``<!-- test: PATH -->``: that test reads and executes it; ``, as NAME`` is the file to put it in.

``<!-- test of all blocks: PATH -->``, anywhere in a document, goes for each block without a mark.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

ALL = re.compile(r"^<!-- test of all blocks: (\S+) -->$", re.M)
MARKS = re.compile(r"file: |run$|test: ")

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        document: Where it stands.
        line: The line of its fence there.
        language: As the fence says.
        mark: What the comment above it says; empty if there is none.
        text: The code.
    """

    document: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for a failed test."""
        return f"{self.document.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def test(self) -> str:
        """The test that executes it; empty if the mark names none."""
        found = re.match(r"test: ([^\s,]+)", self.mark)
        return found[1] if found else ""

    @property
    def file(self) -> str:
        """The name of the file that the test puts it in; empty if the mark names none."""
        return self.mark.partition(", as ")[2]


def blocks(document: Path) -> list[Block]:
    """All blocks of code of a document."""
    text = document.read_text()
    of_all = ALL.search(text)
    common = f"test: {of_all[1]}" if of_all else ""
    return [
        Block(
            document,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["mark"] if MARKS.match(found["mark"] or "") else common,
            found["text"],
        )
        for found in BLOCK.finditer(text)
    ]


def all_blocks() -> Iterator[Block]:
    """Those of all documents."""
    for document in DOCUMENTS:
        yield from blocks(document)


def blocks_for(test: str, document: str) -> list[Block]:
    """The blocks of a document that a test has to execute.

    Args:
        test: The test's ``__file__``.
        document: The document's path from the root.

    Raises:
        AssertionError: There are none, so that the test would show nothing.
    """
    name = Path(test).relative_to(ROOT).as_posix()
    found = [block for block in blocks(ROOT / document) if block.test == name]
    assert found, f"{document} has no block for {name}"
    return found


def typed(
    script: str, folder: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a script as a reader types it, until its end or a command that fails.

    Args:
        script: The commands.
        folder: Where they are typed.
        environment: All variables of the shell.
        seconds: How long they may take.
    """
    return subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
