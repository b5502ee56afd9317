"""A loop whose end does not depend on what runs in it."""

from __future__ import annotations

import asyncio
import contextvars
import math
import re
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import copy_context
from typing import Any

from temporal_lambda.runtime.lifeline import SLACK, LeftBehind, Lifeline
from temporal_lambda.supervision.loop_thread import ANSWER, LoopThread

FAR = 60.0


Main = Callable[[Lifeline], Coroutine[Any, Any, None]]


def lifeline(due_in: float = FAR) -> Lifeline:
    return Lifeline(time.monotonic() + due_in, time.monotonic)


def start(main: Main, promises: Lifeline | None = None) -> LoopThread:
    thread = LoopThread(main, promises or lifeline(), copy_context())
    thread.start()
    return thread


def test_it_runs_the_coroutine_to_its_end() -> None:
    ran = []

    async def main(line: Lifeline) -> None:
        await asyncio.sleep(0)
        ran.append(threading.current_thread().name)

    thread = start(main)
    assert thread.wait()
    assert ran == ["temporal-lambda-invocation"]
    assert thread.error is None


def test_an_error_of_the_coroutine_is_kept() -> None:
    async def main(line: Lifeline) -> None:
        raise KeyError("broke")

    thread = start(main)
    assert thread.wait()
    assert isinstance(thread.error, KeyError)


def test_a_blocked_loop_is_left_behind_and_stops_when_it_comes_back() -> None:
    release = threading.Event()
    went_on = []
    ended = threading.Event()

    async def main(line: Lifeline) -> None:
        try:
            line.expect(time.monotonic())
            release.wait(FAR)
            line.expect(time.monotonic() + FAR)
            went_on.append("too far")
        except LeftBehind:
            ended.set()
            raise

    thread = start(main)
    assert not thread.wait()
    assert "in wait" in thread.where()
    release.set()
    assert ended.wait(FAR)
    assert went_on == []


def test_a_left_behind_loop_cancels_its_tasks_when_it_comes_back() -> None:
    release = threading.Event()
    cancelled = threading.Event()

    async def other() -> None:
        try:
            await asyncio.sleep(FAR)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def main(line: Lifeline) -> None:
        kept = asyncio.create_task(other())
        await asyncio.sleep(0)
        line.expect(time.monotonic())
        release.wait(FAR)
        line.check()
        assert kept

    thread = start(main)
    assert not thread.wait()
    release.set()
    assert cancelled.wait(FAR)


def test_a_promise_can_be_brought_forward_from_outside() -> None:
    release = threading.Event()

    async def main(line: Lifeline) -> None:
        release.wait(FAR)

    promises = lifeline()
    thread = start(main, promises)
    promises.hurry(time.monotonic())
    assert not thread.wait()
    release.set()


def test_an_earlier_promise_replaces_a_later_one() -> None:
    release = threading.Event()

    async def main(line: Lifeline) -> None:
        line.expect(time.monotonic())
        release.wait(FAR)

    thread = start(main)
    assert not thread.wait()
    release.set()


def test_without_a_due_moment_it_waits_as_long_as_it_takes() -> None:
    async def main(line: Lifeline) -> None:
        line.expect(math.inf)
        await asyncio.sleep(0.01)

    assert start(main).wait()


def test_tasks_that_ignore_their_cancellation_do_not_hold_up_the_end() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(FAR)
            except asyncio.CancelledError:
                pass

    stuck: list[asyncio.Task[None]] = []

    async def main(line: Lifeline) -> None:
        stuck.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)

    thread = start(main)
    assert thread.wait()
    assert len(thread.left_over) == 1
    assert thread.left_over[0].endswith("stubborn")


def test_a_thread_of_the_default_executor_does_not_hold_up_the_end() -> None:
    release = threading.Event()

    async def main(line: Lifeline) -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait, FAR)

    assert start(main).wait()
    release.set()


def test_system_exit_in_some_task_does_not_end_the_coroutine() -> None:
    finished = []

    async def leave() -> None:
        raise SystemExit(3)

    async def main(line: Lifeline) -> None:
        task = asyncio.create_task(leave())
        await asyncio.wait({task})
        finished.append(type(task.exception()))

    assert start(main).wait()
    assert finished == [SystemExit]


def test_a_callback_from_another_thread_reaches_the_loop_and_a_closed_one_is_no_error() -> None:
    async def main(line: Lifeline) -> None:
        await called.wait()

    called = asyncio.Event()
    thread = start(main)
    thread.call(called.set)
    assert thread.wait()
    thread.call(lambda: None)


def test_the_coroutine_starts_with_the_context_it_was_given() -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("from outside")
    seen = []

    async def main(line: Lifeline) -> None:
        seen.append(variable.get())
        variable.set("from inside")

    assert start(main).wait()
    assert seen == ["from outside"]
    assert variable.get() == "from outside"


def test_slow_clean_up_is_no_blocked_loop() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(FAR)
            except asyncio.CancelledError:
                time.sleep(0.4)  # noqa: ASYNC251 - blocks while it is cancelled

    async def generator() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(FAR)

    kept: list[Any] = []

    async def main(line: Lifeline) -> None:
        kept.append(generator())
        await anext(kept[0])
        kept.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)

    assert start(main).wait()


def test_a_signal_that_another_thread_receives_is_noticed_while_waiting() -> None:
    release = threading.Event()
    previous = signal.signal(signal.SIGUSR1, lambda number, frame: release.set())

    async def main(line: Lifeline) -> None:
        # Delivered to this thread, handled by Python on the main one.
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        await asyncio.to_thread(release.wait, FAR)

    try:
        begun = time.monotonic()
        assert start(main).wait()
        assert time.monotonic() - begun < FAR / 2
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_a_loop_that_is_late_but_alive_is_not_called_blocked() -> None:
    async def main(line: Lifeline) -> None:
        line.expect(time.monotonic())
        while not line.cut:
            try:
                await ignores_its_cancellation()
            except asyncio.CancelledError:
                pass

    async def ignores_its_cancellation() -> None:
        await asyncio.sleep(0.01)

    thread = start(main)
    assert not thread.wait()
    assert thread.is_alive
    assert "in ignores_its_cancellation" in thread.where()
    assert "select" not in thread.where()


def test_a_loop_that_is_late_but_alive_gets_a_moment_more() -> None:
    finished = []

    async def main(line: Lifeline) -> None:
        line.expect(time.monotonic())
        await asyncio.sleep(SLACK + ANSWER)
        finished.append("in time")

    assert start(main).wait()
    assert finished == ["in time"]


def test_a_loop_that_runs_no_callback_is_blocked() -> None:
    release = threading.Event()

    async def main(line: Lifeline) -> None:
        line.expect(time.monotonic())
        my_own_code(release)

    thread = start(main)
    assert not thread.wait()
    assert not thread.is_alive
    # The user's function first, then the line of the library it is in.
    assert re.fullmatch(
        r".*test_loop_thread\.py:\d+ in my_own_code \(in .*threading\.py:\d+ in wait\)",
        thread.where(),
    )
    release.set()


def my_own_code(release: threading.Event) -> None:
    release.wait(FAR)
