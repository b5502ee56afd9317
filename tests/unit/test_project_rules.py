"""Rules of this project that no linter knows. Each test lists all offenders."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import temporal_lambda
from tests.matrix import SUPPORTED

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "temporal_lambda"
MODULES = [
    info.name
    for info in pkgutil.walk_packages(temporal_lambda.__path__, "temporal_lambda.")
    if not info.name.endswith("__main__")
]

MAX_LINES = 300
MAX_FUNCTION_LINES = 60
MAX_ROOT_MODULES = 15
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> Iterator[tuple[str, str]]:
    """The path from the project's root and the text of each Python file."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_no_file_is_long() -> None:
    lengths = {
        path: len(text.splitlines())
        for path, text in python_files("temporal_lambda", "tests", "examples", "bench")
    }
    long = {path: lines for path, lines in lengths.items() if lines > MAX_LINES}
    assert long == {}


def test_root_of_the_package_is_seen_at_a_glance() -> None:
    modules = sorted(path.stem for path in PACKAGE.glob("[!_]*.py"))
    assert len(modules) <= MAX_ROOT_MODULES, modules


def test_no_function_of_the_package_is_long() -> None:
    long = {
        f"{path}::{node.name}": lines
        for path, text in python_files("temporal_lambda")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := code_lines(node)) > MAX_FUNCTION_LINES
    }
    assert long == {}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    docstring = function.body[0] if ast.get_docstring(function) else None
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0)


@pytest.mark.skipif(
    find_spec("dagster_cloud") is None, reason="imports all modules, and so needs all extras"
)
def test_examples_in_docstrings_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    modules = [importlib.import_module(name) for name in MODULES]
    failed = {module.__name__: doctest.testmod(module).failed for module in modules}
    assert {name for name, examples in failed.items() if examples} == set()


LEANS_ON_ITS_NEIGHBOUR = re.compile(
    r"\A(The same|As above|See above)\b|\blikewise\b", re.IGNORECASE
)


def test_public_docstrings_stand_on_their_own() -> None:
    """An editor shows one docstring alone, without the definition above it."""
    leaning = [
        f"{path}::{node.name}"
        for path, text in python_files("temporal_lambda")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, Definition)
        and not node.name.startswith("_")
        and LEANS_ON_ITS_NEIGHBOUR.search(ast.get_docstring(node) or "")
    ]
    assert leaning == []


def test_everything_public_has_a_docstring() -> None:
    undocumented = [
        f"{path}::{getattr(node, 'name', 'the module')}"
        for path, text in python_files("temporal_lambda")
        for module in [ast.parse(text)]
        for node in [module, *module.body]
        if isinstance(node, ast.Module | Definition)
        and not getattr(node, "name", "").startswith("_")
        and not ast.get_docstring(node)
    ]
    assert undocumented == []


def test_supported_pythons_are_the_same_everywhere() -> None:
    versions = [f"{major}.{minor}" for major, minor in SUPPORTED]
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert re.findall(r"Python :: (3\.\d+)", pyproject) == versions
    assert f'requires-python = ">={versions[0]}"' in pyproject
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert f"python: [{', '.join(map(json.dumps, versions))}]" in workflow
