"""The timeline of an invocation, on every path, without a server."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda import LambdaWorkerConfig, remaining_work_time
from temporal_lambda.errors import ConnectError, DeadlineError, TaskQueueError
from tests.support.events import Events, traced
from tests.support.invocations import (
    FakeClock,
    Serving,
    Strategy,
    at_once,
    run_invocation,
    until_cancelled,
)


@pytest.fixture
def events() -> Events:
    return Events()


async def test_phases_run_in_order_and_the_strategys_result_is_returned(events: Events) -> None:
    async def work() -> str:
        events.append("work")
        return "done"

    run = await asyncio.to_thread(run_invocation, traced(events), Strategy(work))
    assert run.result == "done"
    assert events == ["setup", "work", "first hook", "second hook", "teardown"]
    assert list(run.report["phases_ms"]) == ["configure", "work", "close", "drain", "hooks"]
    assert run.report["stop_reason"] == "result"
    assert run.report["errors"] == []


def test_callback_that_raises_has_its_hooks_run_and_its_error_raised(events: Events) -> None:
    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(events.does("hook"))
        raise KeyError("broke")

    run = run_invocation(configure)
    assert isinstance(run.error, KeyError)
    assert events == ["hook"]
    assert run.report["errors"] == ["configure: KeyError: 'broke'"]
    assert run.report["stop_reason"] is None


def test_strategy_that_raises_has_hooks_and_teardown_run(events: Events) -> None:
    async def work() -> None:
        raise RuntimeError("the work broke")

    run = run_invocation(traced(events), Strategy(work))
    assert str(run.error) == "the work broke"
    assert events[1:] == ["first hook", "second hook", "teardown"]
    assert run.report["stop_reason"] == "error"


def test_connection_that_is_refused_has_hooks_and_teardown_run(events: Events) -> None:
    def adjust(config: LambdaWorkerConfig) -> None:
        config.worker_config["task_queue"] = "q"
        config.client_connect_config["target_host"] = "127.0.0.1:1"

    run = run_invocation(traced(events, adjust), Serving(at_once))
    assert isinstance(run.error, ConnectError)
    assert events[1:] == ["first hook", "second hook", "teardown"]
    assert run.report["stop_reason"] is None
    assert run.report["connection"] == "new"


def test_missing_task_queue_is_found_before_connecting(events: Events) -> None:
    run = run_invocation(traced(events), Serving(at_once))
    assert isinstance(run.error, TaskQueueError)
    assert "connect" not in run.report["phases_ms"]
    assert events[-1] == "teardown"


def test_hook_that_raises_is_reported_and_the_next_one_runs(
    events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    def adjust(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks[0] = events.does("first hook", ValueError("flush"))

    with caplog.at_level(logging.ERROR):
        run = run_invocation(traced(events, adjust))
    assert run.result == "done"
    assert events[1:] == ["first hook", "second hook", "teardown"]
    assert run.report["errors"] == [
        f"hook {Events.does.__qualname__}.<locals>.happen: ValueError: flush"
    ]
    assert "ValueError: flush" in caplog.text


def test_teardown_that_raises_is_what_the_handler_raises() -> None:
    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        yield
        raise OSError("close failed")

    assert isinstance(run_invocation(configure).error, OSError)


def test_first_error_is_raised_and_later_ones_are_only_reported() -> None:
    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        yield
        raise OSError("close failed")

    async def work() -> None:
        raise RuntimeError("the work broke")

    run = run_invocation(configure, Strategy(work))
    assert str(run.error) == "the work broke"
    assert len(run.report["errors"]) == 2


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
def test_user_code_cant_end_lambdas_runtime_by_what_it_raises(error: BaseException) -> None:
    async def work() -> None:
        raise error

    run = run_invocation(strategy=Strategy(work))
    assert isinstance(run.error, RuntimeError)
    assert "user code raised" in str(run.error)


def test_strategy_is_cancelled_when_the_work_must_end_and_asked_for_the_outcome() -> None:
    run = run_invocation(strategy=Strategy(until_cancelled, outcome="half"), seconds=4.1)
    assert run.result == "half"
    assert run.report["stop_reason"] == "deadline"
    assert run.seconds_left >= 2.5


def test_callback_that_takes_too_long_is_cancelled_and_says_what_to_do(events: Events) -> None:
    async def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_hooks.append(events.does("hook"))
        await asyncio.Event().wait()

    run = run_invocation(configure, seconds=1.0)
    assert isinstance(run.error, DeadlineError)
    assert "Make it faster or increase the function timeout" in str(run.error)
    assert events == ["hook"]
    assert run.seconds_left >= 0.2


def test_too_little_time_is_an_error_after_the_callback_and_before_connecting() -> None:
    run = run_invocation(seconds=3.5)
    assert isinstance(run.error, DeadlineError)
    assert str(run.error).startswith("Lambda timeout is too short: 3.5s are left and 3.0s")


def test_time_that_the_callback_used_up_is_missed_by_the_work() -> None:
    clock = FakeClock()

    def configure(config: LambdaWorkerConfig) -> None:
        clock.jump(50)

    run = run_invocation(configure, seconds=53, clock=clock)
    assert isinstance(run.error, DeadlineError)


def test_buffer_of_the_callback_counts() -> None:
    def configure(config: LambdaWorkerConfig) -> None:
        config.shutdown_deadline_buffer = timedelta(seconds=58)

    async def work() -> timedelta | None:
        return remaining_work_time()

    run = run_invocation(configure, Strategy(work))
    assert run.result == pytest.approx(
        timedelta(seconds=60 - 58 - 2 / 3), abs=timedelta(seconds=0.5)
    )


def test_hooks_see_the_report_so_far_and_the_time_they_have() -> None:
    seen: dict[str, Any] = {}

    def configure(config: LambdaWorkerConfig) -> None:
        def hook() -> None:
            seen.update(config.invocation.report(), left=config.invocation.remaining_hook_time())

        config.shutdown_hooks.append(hook)

    run_invocation(configure)
    assert seen["stop_reason"] == "result"
    assert timedelta() < seen["left"] <= timedelta(seconds=3)


def test_context_variables_of_the_callback_reach_work_and_hooks() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    def configure(config: LambdaWorkerConfig) -> None:
        variable.set("of the callback")
        config.shutdown_hooks.append(lambda: seen.append(variable.get()))

    async def work() -> None:
        seen.append(variable.get())

    run_invocation(configure, Strategy(work))
    assert seen == ["of the callback", "of the callback"]
    assert variable.get() == "unset"


def test_invocation_without_deadline_works_until_it_is_done() -> None:
    run = run_invocation(seconds=None)
    assert run.result == "done"


def test_last_steps_run_after_the_teardown(events: Events) -> None:
    def adjust(config: LambdaWorkerConfig) -> None:
        config.invocation.last_steps.append(("flush", events.does("last step")))

    run_invocation(traced(events, adjust))
    assert events[-2:] == ["teardown", "last step"]


def test_tasks_that_outlive_the_invocation_are_named() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

    async def work() -> str:
        stuck.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)
        return "done"

    stuck: list[asyncio.Task[None]] = []
    run = run_invocation(strategy=Strategy(work))
    assert run.result == "done"
    assert [list(entry) for entry in run.report["abandoned"]] == [["task"]]
