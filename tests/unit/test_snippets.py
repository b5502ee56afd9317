"""The code in the documents is code that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from temporal_lambda.cli import COMMANDS, main
from tests.support.documents import DOCUMENTS, ROOT, all_blocks, blocks

CODE = {"bash", "console", "python", "sh", "shell"}


def test_every_block_of_code_says_how_it_is_tested() -> None:
    unmarked = [
        block.place
        for block in all_blocks()
        if block.language in CODE
        and not (block.test or block.mark == "run" or block.mark.startswith("file: "))
    ]
    assert unmarked == []


def test_block_is_read_by_the_test_that_it_names() -> None:
    wrong = [
        block.place
        for block in all_blocks()
        if block.test
        and not (
            (ROOT / block.test).is_file() and block.document.name in (ROOT / block.test).read_text()
        )
    ]
    assert wrong == []


def test_only_modules_are_imported() -> None:
    assert {block.language for block in all_blocks() if block.mark == "run"} == {"python"}


@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if any(block.mark == "run" for block in blocks(path))],
    ids=lambda path: path.name,
)
def test_modules_of_a_document_can_be_imported_and_configure_a_worker(
    document: Path, tmp_path: Path
) -> None:
    names = []
    for block in blocks(document):
        if block.mark == "run":
            names.append(f"line_{block.line}")
            (tmp_path / f"{names[-1]}.py").write_text(block.text)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "AWS_DEFAULT_REGION": "us-east-1",
        "TEMPORAL_TASK_QUEUE": "documents",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.imported_page", *names],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_commands_in_documents_have_these_options() -> None:
    """Also those that stand in a sentence or in a step that needs AWS."""
    wrong = [
        f"{document.name}: {command} {option}"
        for document in DOCUMENTS
        for command, rest in re.findall(
            r"temporal-lambda ([a-z][a-z-]+)\b((?:[^`\n]|\\\n)*)", document.read_text()
        )
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest)
        if command not in COMMANDS or option not in options_of(command)
    ]
    assert wrong == []


def options_of(command: str) -> set[str]:
    """The options of a subcommand."""
    found = main.get_command(click.Context(main), command)
    assert found
    return {
        "--help",
        *(
            name
            for parameter in found.params
            for name in [*parameter.opts, *parameter.secondary_opts]
        ),
    }
