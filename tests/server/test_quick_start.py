"""README's Install and Quick start, as printed: from a checkout to a workflow's result."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
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


def section(title: str) -> str:
    text = (ROOT / "README.md").read_text()
    return re.split(r"^## ", text, flags=re.MULTILINE)[
        re.findall(r"^## (.*)$", text, re.MULTILINE).index(title) + 1
    ]


def shell_block(title: str) -> str:
    (block,) = re.findall(r"^```sh\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    return str(block)


def test_quick_start_works_as_printed_from_an_empty_directory(tmp_path: Path) -> None:
    checkout, project = tmp_path / "checkout", tmp_path / "project"
    project.mkdir()
    shutil.copytree(
        ROOT / "temporal_lambda",
        checkout / "temporal_lambda",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    files = re.findall(
        r"^<!-- file: \S+/(\w+\.py) -->\n```python\n(.*?)^```",
        section("Quick start"),
        re.MULTILINE | re.DOTALL,
    )
    assert [name for name, _ in files] == ["workflows.py", "handler.py"]
    for name, text in files:
        (project / name).write_text(text)
    *prepare, run = shell_block("Quick start").splitlines()
    packages = sysconfig.get_path("purelib")
    borrow = (
        f'echo "{packages}" > "$(python -c "import site; print(*site.getsitepackages())")"/a.pth'
    )
    script = [shell_block("Install"), f"cd {project}", *prepare, borrow, run]
    result = subprocess.run(
        ["sh", "-e", "-c", "\n".join(script)],
        cwd=checkout,
        env={
            **os.environ,
            **OFFLINE,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'result      "Hello, World!"' in result.stdout
    (installed,) = (project / ".venv").glob("lib/python*/site-packages/temporal_lambda/handler.py")
    assert installed.is_file()
