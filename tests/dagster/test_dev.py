"""``temporal-lambda dev --dagster``, as docs/dagster.md has it: code, handler and command."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.documents import blocks_for

pytestmark = pytest.mark.server

BLOCKS = blocks_for(__file__, "docs/dagster.md")

JOBS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { pipelines { name } } } } }"


def jobs_at(url: str) -> set[str]:
    """The jobs that Dagster's UI shows."""
    body = json.dumps({"query": JOBS}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        nodes = json.loads(response.read())["data"]["repositoriesOrError"].get("nodes", [])
    return {job["name"] for node in nodes for job in node["pipelines"]}


async def attend(dev: asyncio.subprocess.Process) -> str:
    """Read what it says until it has ended; Ctrl-C once Dagster shows the jobs."""
    assert dev.stdout
    said = []
    async for line in dev.stdout:
        said.append(line.decode())
        if line.startswith(b"Dagster "):
            url = line.decode().split()[1]
            while "etl_job" not in await asyncio.to_thread(jobs_at, url):
                await asyncio.sleep(0.1)
            dev.send_signal(signal.SIGINT)
    await dev.wait()
    return "".join(said)


async def test_dev_shows_the_jobs_of_a_function_in_dagsters_ui(tmp_path: Path) -> None:
    project, temporary = tmp_path / "project", tmp_path / "temporary"
    temporary.mkdir()
    (command,) = [block.text for block in BLOCKS if not block.file]
    for block in BLOCKS:
        if block.file:
            (project / block.file).parent.mkdir(parents=True, exist_ok=True)
            (project / block.file).write_text(block.text)
    dev = await asyncio.create_subprocess_exec(
        *("sh", "-c", f"exec {command.strip()} --no-reload"),
        cwd=project,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(temporary),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        text = await asyncio.wait_for(attend(dev), 90)
    finally:
        if dev.returncode is None:
            dev.kill()
            await dev.wait()
    assert dev.returncode == 0, text
    assert list(temporary.iterdir()) == []
