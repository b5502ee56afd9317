"""Pages for readers: what they name exists, and what they must name is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import temporalio

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "temporal_lambda"
SDK = Path(temporalio.__file__).parent


@pytest.mark.parametrize(("page", "least"), [("features.md", 30), ("versioning.md", 5)])
def test_every_row_names_tests_that_exist(page: str, least: int) -> None:
    rows = [
        line
        for line in (DOCS / page).read_text().splitlines()
        if line.startswith("| ") and not line.endswith("| shown by |")
    ]
    assert len(rows) >= least
    unshown = [
        row
        for row in rows
        if not (named := re.findall(r"`([\w/]+\.py)::(\w+)`", row.rpartition(" | ")[2]))
        or not all(exists(ROOT / "tests" / file, test) for file, test in named)
    ]
    assert unshown == []


def exists(file: Path, test: str) -> bool:
    """Whether a file has a test of that name."""
    return file.is_file() and bool(
        re.search(rf"^(?:async )?def {test}\(", file.read_text(), re.MULTILINE)
    )


def test_files_of_tests_that_versioning_names_exist() -> None:
    named = re.findall(r"`(tests/\S+\.py)`", (DOCS / "versioning.md").read_text())
    assert named
    assert [file for file in named if not (ROOT / file).is_file()] == []


def entries() -> dict[str, str]:
    """The entries of troubleshooting.md: heading and text."""
    parts = re.split(r"^### (.*)$", (DOCS / "troubleshooting.md").read_text(), flags=re.M)
    texts = [re.split(r"^## ", part, flags=re.M)[0] for part in parts[2::2]]
    return dict(zip(parts[1::2], texts, strict=True))


def test_every_error_that_users_meet_has_an_entry() -> None:
    told = {name for text in entries().values() for name in re.findall(r"`(\w+Error)`", text)}
    assert [name for name in sorted(errors()) if name not in told] == []


def errors() -> set[str]:
    """The public subclasses of ``TemporalLambdaError``, found without importing what defines them.

    Some are in parts of the package whose extra may be missing.
    """
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"TemporalLambdaError"}
    while more := {name for name in bases if bases[name] & found} - found:
        found |= more
    assert len(found) > 15
    return {name for name in found if not name.startswith("_")} - {"TemporalLambdaError"}


def trees() -> Iterator[ast.Module]:
    """The package's modules."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ast.parse(path.read_text())


def test_messages_in_headings_are_those_of_the_code() -> None:
    headings = {
        message: origin
        for heading in entries()
        for message, origin in re.findall(r"^`([^`]+)`(?: \((.+)\))?$", heading)
    }
    assert len(headings) > 30
    ours = [text for tree in trees() for text in texts(tree)]
    rotten = [
        message
        for message, origin in headings.items()
        if not (is_in_the_sdk(message) if origin else any(fits(message, text) for text in ours))
    ]
    assert rotten == []


def texts(tree: ast.Module) -> Iterator[str]:
    """The texts in a module, with ``…`` for what is filled in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%\.?\d*[sdgf]", "…", node.value)
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )


def fits(message: str, text: str) -> bool:
    """Whether a message with gaps is part of a text."""
    pieces = [re.escape(piece.strip()) for piece in message.split("…")]
    return bool(re.search(".*".join(pieces), text, re.DOTALL))


def is_in_the_sdk(message: str) -> bool:
    """Whether the SDK has a text: its Python code, or Core."""
    piece = max(message.split("…"), key=len).strip().encode()
    return any(
        piece in path.read_bytes() for pattern in ("*.py", "*.so") for path in SDK.rglob(pattern)
    )


def test_headings_stand_once() -> None:
    headings = re.findall(
        r"^### (.*)$", (DOCS / "troubleshooting.md").read_text(), flags=re.MULTILINE
    )
    assert len(headings) == len(set(headings))
