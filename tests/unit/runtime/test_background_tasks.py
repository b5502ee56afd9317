"""Work on the side is waited for by an idle close, and named when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.runtime.background_tasks import BackgroundTasks, is_users
from temporal_lambda.runtime.work_strategy import Stop
from tests.support.invocations import Strategy, run_invocation
from tests.unit.runtime.test_work_phase import Phase


class BecomesIdle(Strategy):
    """Is idle at once, as a worker without tasks is after its idle timeout."""

    async def run(self, work: object) -> Stop:
        return Stop("idle", await self._work())


async def on_the_side(seconds: float, log: list[str]) -> None:
    await asyncio.sleep(seconds)
    log.append("done")


async def test_idle_close_waits_for_what_was_started_in_the_background(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[str] = []
    started: list[asyncio.Task[None]] = []

    async def work() -> None:
        if not started:
            started.append(asyncio.create_task(on_the_side(0.05, log)))

    phase = Phase(BecomesIdle(work))
    phase.worker.slots.poll_opened("workflow")
    phase.worker.slots.poll_ended("workflow")
    assert (await phase.run()).reason == "idle"
    assert log == ["done"]
    assert "does not end yet, since its code has started tasks in the background: on_the_side" in (
        caplog.text
    )


async def test_deadline_does_not_wait_for_them() -> None:
    started: list[asyncio.Task[None]] = []

    async def work() -> None:
        if not started:
            started.append(asyncio.create_task(on_the_side(60, [])))

    assert await Phase(BecomesIdle(work), seconds=0.1).run() == Stop("deadline")
    started[0].cancel()


async def test_signal_does_not_wait_for_them() -> None:
    started: list[asyncio.Task[None]] = []

    async def work() -> None:
        if not started:
            started.append(asyncio.create_task(on_the_side(60, [])))
            asyncio.get_running_loop().call_later(0.05, phase.signal.send)

    phase = Phase(BecomesIdle(work))
    assert await phase.run() == Stop("signal")
    started[0].cancel()


async def test_what_the_callback_has_started_before_is_its_own() -> None:
    task = asyncio.create_task(on_the_side(60, []))
    assert BackgroundTasks().running() == set()
    task.cancel()


async def test_tasks_of_libraries_are_no_concern() -> None:
    sleeping = asyncio.create_task(asyncio.sleep(60))
    users = asyncio.create_task(on_the_side(60, []))
    await asyncio.sleep(0)
    assert not is_users(sleeping)
    assert is_users(users)
    sleeping.cancel()
    users.cancel()


def test_background_task_that_ends_with_the_invocation_is_named() -> None:
    started: list[asyncio.Task[None]] = []

    async def work() -> None:
        started.append(asyncio.create_task(on_the_side(60, [])))

    run = run_invocation(strategy=Strategy(work))
    assert run.report["abandoned"] == [{"background task": "on_the_side"}]
    assert run.report["errors"] == []


def test_background_task_that_the_callback_ends_itself_is_not() -> None:
    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        task = asyncio.create_task(on_the_side(60, []))
        yield
        task.cancel()

    assert run_invocation(configure).report["abandoned"] == []
