"""``make demo-dagster``, as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.server


def processes_below(folder: Path) -> list[str]:
    """The command lines of all processes that keep their temporary files below a folder."""
    variable = f"\0TMPDIR={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if variable in b"\0" + (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            # It has ended meanwhile.
            continue
    return found


async def attend(demo: asyncio.subprocess.Process, folder: Path) -> str:
    """Read what the demo says until it has ended; Ctrl-C when it waits for that."""
    assert demo.stdout
    said = []
    async for line in demo.stdout:
        said.append(line.decode())
        if line.startswith(b"Ctrl-C"):
            # Temporal, three of Dagster's, those that see to their ends, and functions.
            assert len(processes_below(folder)) > 5
            demo.send_signal(signal.SIGINT)
    await demo.wait()
    return "".join(said)


async def test_demo_runs_a_job_that_outlives_its_function_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    demo = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "examples.dagster.demo",
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        text = await asyncio.wait_for(attend(demo, tmp_path), 90)
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()
    assert demo.returncode == 0, text
    result = re.search(r"^result +(.*)$", text, re.MULTILINE)
    assert result, text
    assert json.loads(result[1]) == {
        "ops_processed": 3,
        "results": {
            "extract": [1, 2, 3, 4, 5, 6],
            "transform": [2, 4, 6, 8, 10, 12],
            "load": {"rows": 6, "total": 42},
        },
    }
    assert len(re.findall("^invocation .*success$", text, re.MULTILINE)) > 1, text
    assert processes_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
