"""A loop in a thread, which goes on whatever happens in the test's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from temporal_lambda.local import LocalStackError
from temporal_lambda.testing import BackgroundStack
from temporal_lambda.testing.loop_thread import LoopThread


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread("under test")
    yield thread
    thread.stop()


async def name() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


async def never() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise TimeoutError("its own")


def test_coroutine_runs_in_the_thread(thread: LoopThread) -> None:
    assert thread.wait(name()) == "under test"


def test_time_that_is_over_is_one_clear_error(thread: LoopThread) -> None:
    with pytest.raises(LocalStackError, match=r"never was not done within 0\.01 s"):
        thread.wait(never(), 0.01)
    with pytest.raises(TimeoutError, match="its own"):
        thread.wait(fail(), 5)


def test_end_of_the_thread_cancels_what_still_runs() -> None:
    thread = LoopThread("ends")
    future = thread.submit(never())
    thread.stop()
    assert future.cancelled()
    assert "ends" not in [each.name for each in threading.enumerate()]


async def test_coroutine_of_an_asynchronous_test_is_to_be_awaited() -> None:
    coroutine = name()
    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        BackgroundStack().run(coroutine)


def test_stack_that_was_not_started_says_so() -> None:
    coroutine = name()
    with pytest.raises(RuntimeError, match="use it with 'with'"):
        BackgroundStack().run(coroutine)
    coroutine.close()
