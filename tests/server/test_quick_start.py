"""README's Install and Quick start, as printed: from a checkout to a workflow's result."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.checkout import adapt, copy_what_is_built, variables
from tests.support.documents import ROOT, typed


def section(title: str) -> str:
    text = (ROOT / "README.md").read_text()
    return re.split(r"^## ", text, flags=re.MULTILINE)[
        re.findall(r"^## (.*)$", text, re.MULTILINE).index(title) + 1
    ]


def shell_block(title: str) -> str:
    (block,) = re.findall(r"^```sh\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.timeout(400)
def test_quick_start_works_as_printed_from_an_empty_directory(tmp_path: Path) -> None:
    checkout, project = tmp_path / "checkout", tmp_path / "project"
    project.mkdir()
    copy_what_is_built(checkout)
    files = re.findall(
        r"^<!-- file: \S+/(\w+\.py) -->\n```python\n(.*?)^```",
        section("Quick start"),
        re.MULTILINE | re.DOTALL,
    )
    assert [name for name, _ in files] == ["workflows.py", "handler.py"]
    for name, text in files:
        (project / name).write_text(text)
    script = [shell_block("Install"), f"cd {project}", shell_block("Quick start")]
    result = typed(adapt("\n".join(script)), checkout, variables(tmp_path / "bin"), 360)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'result      "Hello, World!"' in result.stdout
    (installed,) = (project / ".venv").glob("lib/python*/site-packages/temporal_lambda/handler.py")
    assert installed.is_file()
