"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import temporal_lambda
from temporal_lambda.otel import OtelOptions
from temporal_lambda.settings import SETTINGS, variable
from tests.server.reliability import documented_faults

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("temporal_lambda", "tests", "examples", "bench")
    for path in (ROOT / folder).rglob("*.py")
)
MODULES = [
    info.name
    for info in pkgutil.walk_packages(temporal_lambda.__path__, "temporal_lambda.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name: str) -> None:
    tree = ast.parse(Path(importlib.import_module(name).__file__ or "").read_text())
    undocumented = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and node in tree.body
    ]
    assert ast.get_docstring(tree)
    assert undocumented == []


def python_blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text()
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "document", ["README.md", "docs/architecture.md", "docs/dagster.md", "docs/telemetry.md"]
)
def test_python_in_documents_is_valid(document: str) -> None:
    for block in python_blocks(document):
        compile(block, document, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_code_quoted_from_a_file_is_that_file() -> None:
    quoted = re.findall(
        r"^<!-- file: (\S+) -->\n```python\n(.*?)^```",
        (ROOT / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert quoted
    for path, block in quoted:
        assert (ROOT / path).read_text() == block, path


def test_collectors_configuration_is_that_of_the_example() -> None:
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```",
        (ROOT / "docs" / "telemetry.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert block == (ROOT / "examples" / "telemetry" / "collector.yaml").read_text()


def test_table_of_telemetry_options_is_complete() -> None:
    text = (ROOT / "docs" / "telemetry.md").read_text()
    for option in dataclasses.fields(OtelOptions):
        assert f"\n| `{option.name}` | " in text


def test_settings_table_is_complete() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in SETTINGS:
        assert f"| `{name}` | `{variable(name)}` |" in readme, name


def test_every_fault_in_the_table_has_its_test() -> None:
    tested = {
        fault
        for path in (ROOT / "tests" / "server").glob("test_faults_*.py")
        for fault in faults_in(path)
    }
    assert set(documented_faults()) == tested


def faults_in(path: Path) -> set[str]:
    """The faults a test file names, those in a comprehension as their tests' ids make them."""
    text = path.read_text()
    named = set(re.findall(r'mark\.fault\("([^"]+)"\)', text))
    phases = re.search(r'mark\.fault\(f"([^"{]+){place}"\).*?\{(.*?)\}', text, re.DOTALL)
    if phases:
        named |= {phases[1] + place for place in re.findall(r': "([^"]+)"', phases[2])}
    return named


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
