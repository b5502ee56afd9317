"""An invocation comes to its end, whatever its code does to the loop it runs in."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.errors import DeadlineError, EventLoopBlockedError
from tests.support.invocations import FakeClock, Strategy, run_invocation, until_cancelled

FAR = 60.0


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Lets go of what was left behind when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def blocks_here(
    release: threading.Event, clock: FakeClock | None = None, seconds: float = 0.0
) -> None:
    """Block the loop, while so many seconds pass."""
    if clock:
        clock.jump(seconds)
    release.wait(FAR)


def test_callback_that_blocks_is_named_by_the_users_own_line_and_hooks_run_all_the_same(
    release: threading.Event,
) -> None:
    hooks = []

    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(lambda: hooks.append(threading.current_thread().name))
        blocks_here(release)

    run = run_invocation(configure, seconds=1.1)
    assert isinstance(run.error, EventLoopBlockedError)
    assert "test_supervisor.py" in str(run.error)
    assert "in blocks_here (in " in str(run.error)
    assert "in wait)" in str(run.error)
    assert hooks == ["temporal-lambda-invocation"]
    assert [list(entry) for entry in run.report["abandoned"]] == [["event loop"]]
    assert run.seconds_left >= 0.2


def test_work_that_blocks_is_left_behind_with_the_hooks_run(release: threading.Event) -> None:
    hooks = []
    clock = FakeClock()

    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(lambda: hooks.append("hook"))

    async def work() -> None:
        blocks_here(release, clock, 2.5)

    run = run_invocation(configure, Strategy(work), seconds=4.2, clock=clock)
    assert isinstance(run.error, EventLoopBlockedError)
    assert hooks == ["hook"]
    assert run.seconds_left >= 0.2


def test_hook_that_blocks_is_left_behind_and_the_next_one_runs(
    release: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = []
    clock = FakeClock()

    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks += [
            lambda: blocks_here(release, clock, 2.0),
            lambda: hooks.append("second"),
        ]

    with caplog.at_level(logging.ERROR):
        run = run_invocation(configure, seconds=5, clock=clock)
    assert run.result == "done"
    assert hooks == ["second"]
    assert "was abandoned: it blocks at" in caplog.text
    assert [list(entry) for entry in run.report["abandoned"]] == [["hook"]]


def test_callback_that_swallows_its_cancellation_is_late_and_not_blocked() -> None:
    ended: list[str] = []

    async def waits_on() -> None:
        while not ended:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                pass

    async def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(lambda: ended.append("hook"))
        await waits_on()

    run = run_invocation(configure, seconds=1.1)
    assert isinstance(run.error, DeadlineError)
    assert "configure did not end in time" in str(run.error)
    assert "in waits_on" in str(run.error)
    assert [list(entry) for entry in run.report["abandoned"]] == [["configure"]]
    assert ended == ["hook"]


def test_sigterm_ends_the_work_with_the_hooks_run() -> None:
    hooks = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: hooks.append("previous handler"))

    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(lambda: hooks.append("hook"))

    async def work() -> None:
        signal.raise_signal(signal.SIGTERM)
        await until_cancelled()

    try:
        run = run_invocation(configure, Strategy(work, outcome="cut short"))
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert run.result == "cut short"
    assert run.report["stop_reason"] == "signal"
    assert hooks == ["hook", "previous handler"]


def test_sigterm_cuts_a_hook_that_awaits_short() -> None:
    reached = []

    def configure(config: LambdaWorkerConfig) -> None:
        async def hangs() -> None:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()

        config.shutdown_hooks += [hangs, lambda: reached.append("second")]

    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        run = run_invocation(configure)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert reached == ["second"]
    assert run.seconds_left > 50


def test_ctrl_c_ends_the_work_and_is_raised_when_all_is_closed() -> None:
    hooks = []

    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(lambda: hooks.append("hook"))

    async def work() -> None:
        signal.raise_signal(signal.SIGINT)
        await until_cancelled()

    run = run_invocation(configure, Strategy(work))
    assert isinstance(run.error, KeyboardInterrupt)
    assert hooks == ["hook"]


def test_teardown_of_a_loop_that_was_blocked_and_comes_back_runs_once(
    release: threading.Event,
) -> None:
    happened: list[str] = []
    clock = FakeClock()

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        config.shutdown_hooks.append(lambda: happened.append("hook"))
        config.shutdown_hooks.append(release.set)
        # The first loop is back, and cleans up, before the teardown has its turn.
        config.shutdown_hooks.append(lambda: time.sleep(0.3))
        try:
            yield
            happened.append("after the yield")
        finally:
            happened.append("finally")

    async def work() -> None:
        blocks_here(release, clock, 2.5)

    run = run_invocation(configure, Strategy(work), seconds=4.2, clock=clock)
    assert isinstance(run.error, EventLoopBlockedError)
    assert happened == ["hook", "after the yield", "finally"]


def test_strategy_that_blocks_its_unwinding_does_not_run_the_hooks_twice(
    release: threading.Event,
) -> None:
    hooks: list[str] = []
    clock = FakeClock()

    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks += [
            lambda: hooks.append("first"),
            release.set,
            lambda: time.sleep(0.3),
            lambda: hooks.append("last"),
        ]

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            blocks_here(release, clock, 1.2)

    run_invocation(configure, Strategy(work), seconds=3.6, clock=clock)
    assert hooks == ["first", "last"]


def test_setup_in_an_async_generator_is_named_by_the_users_own_line() -> None:
    ended: list[str] = []

    async def my_setup() -> None:
        while not ended:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                pass

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        config.shutdown_hooks.append(lambda: ended.append("hook"))
        await my_setup()
        yield

    run = run_invocation(configure, seconds=1.1)
    assert "in my_setup (in " in str(run.error)


def test_task_that_blocks_while_it_is_cancelled_is_named(release: threading.Event) -> None:
    async def my_task() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            blocks_here(release)

    async def work() -> str:
        kept.append(asyncio.create_task(my_task()))
        await asyncio.sleep(0)
        return "done"

    kept: list[asyncio.Task[None]] = []
    run = run_invocation(strategy=Strategy(work))
    assert run.result == "done"
    assert any("in blocks_here" in str(entry) for entry in run.report["abandoned"])


def test_sigterm_while_the_strategy_is_chosen_is_a_signal_and_no_lack_of_time() -> None:
    def choosing() -> None:
        signal.raise_signal(signal.SIGTERM)
        # Python runs the handler on the main thread, which looks for signals every 50 ms.
        time.sleep(0.2)

    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        run = run_invocation(choosing=choosing)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert run.error is None
    assert run.report["stop_reason"] == "signal"
