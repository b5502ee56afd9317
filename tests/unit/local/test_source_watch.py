"""Which changes of a function's source are noticed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from temporal_lambda.local import source_watch
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.source_watch import source_folders, watch_source
from tests.support.waiting import until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with what lies around in one."""
    project = tmp_path / "project"
    for folder in ("package", "node_modules/much", "environment/lib", "package/__pycache__"):
        (project / folder).mkdir(parents=True)
    (project / "environment" / "pyvenv.cfg").touch()
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (project / "link").symlink_to(tmp_path / "elsewhere")
    (project / "root").symlink_to("/")
    return project


class Watch:
    """A watch that runs, and how often it told of a change."""

    def __init__(self) -> None:
        self.changes = 0

    def changed(self) -> None:
        self.changes += 1


@pytest_asyncio.fixture(loop_scope="session")
async def watch(project: Path) -> AsyncIterator[Watch]:
    watch, stop = Watch(), threading.Event()
    thread = asyncio.create_task(asyncio.to_thread(watch_source, project, watch.changed, stop))
    # The first change may come before the watch has begun, so it is made until it is seen.
    for _ in range(100):
        (project / "handler.py").write_text("")
        await asyncio.sleep(0.1)
        if watch.changes:
            break
    yield watch
    stop.set()
    await asyncio.wait_for(thread, 10)


def test_links_environments_and_caches_are_left_out(project: Path) -> None:
    assert source_folders(project) == [project, project / "package"]


async def test_new_folders_are_watched_too(project: Path, watch: Watch) -> None:
    before = watch.changes
    (project / "new" / "deeper").mkdir(parents=True)
    (project / "new" / "deeper" / "module.py").write_text("a = 1")
    await until(lambda: watch.changes > before)
    for number in range(100):
        (project / "new" / "deeper" / "module.py").write_text(f"a = {number}")
        await asyncio.sleep(0.05)
        if watch.changes > before + 1:
            break
    assert watch.changes > before + 1


async def test_what_is_no_source_is_no_change(project: Path, watch: Watch) -> None:
    await asyncio.sleep(0.3)
    before = watch.changes
    for path in ("notes.txt", "node_modules/index.py", "environment/lib/site.py", "link/other.py"):
        (project / path).write_text("")
    (project / "package" / "last.toml").write_text("")
    await until(lambda: watch.changes > before)
    assert watch.changes == before + 1


async def test_source_that_goes_away_is_an_error(project: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        watch_source(tmp_path / "gone", lambda: None, threading.Event())


def test_too_many_folders_are_one_clear_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_watch, "MAX_FOLDERS", 1)
    with pytest.raises(LocalStackError, match="has more than 1 folders; start from one with less"):
        watch_source(project, lambda: None, threading.Event())
