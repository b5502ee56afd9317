"""What user code may do to an invocation, and that its hooks run all the same."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from temporal_lambda import LambdaWorkerConfig
from tests.support.events import Events, traced
from tests.support.invocations import Strategy, run_invocation


@pytest.fixture
def events() -> Events:
    return Events()


class Unprintable(Exception):
    def __str__(self) -> str:
        raise TypeError("no text")


def test_error_without_a_text_keeps_nothing_from_running(events: Events) -> None:
    async def work() -> None:
        raise Unprintable

    def adjust(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks[0] = events.does("first hook", Unprintable())

    run = run_invocation(traced(events, adjust), Strategy(work))
    assert isinstance(run.error, Unprintable)
    assert events[1:] == ["first hook", "second hook", "teardown"]
    assert "its text can't be had" in run.report["errors"][0]


def test_code_that_cancels_all_tasks_does_not_skip_the_hooks(events: Events) -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

    run = run_invocation(traced(events), Strategy(work), seconds=3.6)
    assert events[1:] == ["first hook", "second hook", "teardown"]
    assert run.error
    assert run.report["errors"]


def test_result_that_is_there_outlives_a_signal() -> None:
    def adjust(config: LambdaWorkerConfig) -> None:
        config.invocation.last_steps.append(("check", lambda: seen.append(config.invocation.error)))

    class Signalled(Strategy):
        def outcome(self) -> Any:
            return "running"

    async def work() -> str:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        return "the result"

    seen: list[Any] = []
    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        run = run_invocation(adjust, Signalled(work))
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert run.result == "the result"
    assert seen == [None]


def test_last_steps_see_the_error_that_the_handler_will_raise() -> None:
    seen: list[Any] = []

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        config.invocation.last_steps.append(("look", lambda: seen.append(config.invocation.error)))
        yield
        raise OSError("close failed")

    run = run_invocation(configure)
    assert seen == [run.error]
    assert isinstance(run.error, OSError)
