"""Where a thread is: in the user's own code, and at all."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from pathlib import Path

import pytest

from temporal_lambda.runtime import user_frame


def frame(filename: str, name: str) -> traceback.FrameSummary:
    return traceback.FrameSummary(filename, 1, name)


STDLIB = json.__file__
INSTALLED = pytest.__file__
OWN = user_frame.__file__


@pytest.mark.parametrize("library", [STDLIB, INSTALLED, OWN, "<frozen importlib._bootstrap>"])
def test_users_frame_comes_before_the_librarys(library: str) -> None:
    stack = [
        frame(STDLIB, "run"),
        frame("/var/task/app.py", "outer"),
        frame("/var/task/app.py", "mine"),
        frame(library, "inner"),
    ]
    assert user_frame.describe(stack) == f"/var/task/app.py:1 in mine (in {library}:1 in inner)"


def test_users_frame_that_is_the_innermost_one_is_named_once() -> None:
    assert user_frame.describe([frame("/var/task/app.py", "mine")]) == "/var/task/app.py:1 in mine"


def test_stack_without_a_users_frame_names_the_innermost() -> None:
    assert user_frame.describe([frame(STDLIB, "loads")]) == f"{STDLIB}:1 in loads"


def test_dependencies_that_lie_beside_the_handler_are_not_the_users_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "somelib-1.0.dist-info"
    installed.mkdir()
    (installed / "RECORD").write_text("somelib/__init__.py,,\nsomelib/core.py,sha256=x,1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    library = str(tmp_path / "somelib" / "core.py")
    stack = [frame(str(tmp_path / "app.py"), "mine"), frame(library, "fetch")]
    assert user_frame.describe(stack).startswith(f"{tmp_path / 'app.py'}:1 in mine (in ")


async def test_coroutine_is_where_its_innermost_await_is() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    task = asyncio.create_task(outer())
    await asyncio.sleep(0)
    coroutine = task.get_coro()
    assert asyncio.iscoroutine(coroutine)
    where = user_frame.where_coroutine_is(coroutine)
    task.cancel()
    assert ".inner (in " in where or "in inner (in " in where
    assert where.endswith("in wait)")
