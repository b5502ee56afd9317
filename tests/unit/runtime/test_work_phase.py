"""What ends the phase of working."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.deadline import Deadline
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.connection import ConnectionLost
from temporal_lambda.runtime.stop_signal import StopSignal
from temporal_lambda.runtime.work_phase import WorkPhase
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, Stop, Work
from temporal_lambda.runtime.worker import InvocationWorker
from tests.support.invocations import Strategy, until_cancelled


class Phase:
    """A phase of working on a budget of so many seconds of work."""

    def __init__(self, strategy: Any, seconds: float = 60, **config: Any) -> None:
        loop = asyncio.get_running_loop()
        budget = Budget.share(Deadline(clock=loop.time), timedelta(), timedelta())
        budget = budget._replace(work_end=loop.time() + seconds)
        made = LambdaWorkerConfig(**config)
        self.worker = InvocationWorker(made, budget)
        self.signal = StopSignal()
        self.signal.enter_loop()
        worker = self.worker
        self.work = Work(None, made, budget, worker.slots, worker.activities, worker.leaving)
        self._phase = WorkPhase(strategy, self.worker, self.signal)
        self.unwind = self._phase.unwind

    async def run(
        self,
        polling: asyncio.Task[None] | None = None,
        lost: asyncio.Task[None] | None = None,
    ) -> Stop:
        return await asyncio.wait_for(self._phase.run(self.work, polling, lost), 10)


async def test_the_strategys_result_ends_it() -> None:
    async def work() -> str:
        return "done"

    assert await Phase(Strategy(work)).run() == Stop("result", "done")


async def test_the_deadline_ends_it() -> None:
    assert await Phase(Strategy(until_cancelled), seconds=0.01).run() == Stop("deadline")


async def test_a_signal_ends_it() -> None:
    phase = Phase(Strategy(until_cancelled))
    asyncio.get_running_loop().call_soon(phase.signal.send)
    assert await phase.run() == Stop("signal")


async def test_a_signal_from_before_the_loop_ends_it() -> None:
    signal = StopSignal()
    signal.send()
    signal.enter_loop()
    assert signal.stopped.done()
    assert not signal.hurry.done()


async def test_an_error_of_the_worker_ends_it() -> None:
    async def polling() -> None:
        raise RuntimeError("the worker broke")

    with pytest.raises(RuntimeError, match="the worker broke"):
        await Phase(Strategy(until_cancelled)).run(asyncio.create_task(polling()))


async def test_a_worker_that_ends_by_itself_ends_it() -> None:
    async def polling() -> None:
        """As one that a plugin of the user's shuts down."""

    phase = Phase(Strategy(until_cancelled))
    assert await phase.run(asyncio.create_task(polling())) == Stop("worker")


async def test_quiet_ends_it_where_an_idle_timeout_is_set() -> None:
    phase = Phase(
        ServeTaskQueue(None, LambdaWorkerConfig()), idle_timeout=timedelta(milliseconds=20)
    )
    phase.worker.slots.poll_opened("workflow")
    phase.worker.slots.poll_ended("workflow")
    assert await phase.run() == Stop("idle")


async def test_without_an_idle_timeout_quiet_goes_on_to_the_deadline() -> None:
    phase = Phase(ServeTaskQueue(None, LambdaWorkerConfig()), seconds=0.05)
    phase.worker.slots.poll_opened("workflow")
    assert await phase.run() == Stop("deadline")


async def test_a_strategy_that_was_cancelled_has_time_to_unwind() -> None:
    unwound = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            unwound.append("yes")

    phase = Phase(Strategy(work), seconds=0.01)
    await phase.run()
    assert await phase.unwind(5)
    assert unwound == ["yes"]


async def test_a_connection_that_leads_nowhere_cancels_strategy_and_worker() -> None:
    cancelled: list[str] = []

    async def goes_on(what: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(what)

    async def found_out() -> None:
        await asyncio.sleep(0)

    phase = Phase(Strategy(lambda: goes_on("strategy")))
    polling = asyncio.create_task(goes_on("worker"))
    with pytest.raises(ConnectionLost):
        await phase.run(polling, asyncio.create_task(found_out()))
    assert sorted(cancelled) == ["strategy", "worker"]


async def test_worker_that_ends_while_it_closes_idly_is_noticed() -> None:
    async def polling() -> None:
        await asyncio.sleep(0.05)
        raise RuntimeError("the worker broke")

    idle_timeout = timedelta(milliseconds=1)
    phase = Phase(ServeTaskQueue(None, LambdaWorkerConfig()), idle_timeout=idle_timeout)
    # Quiet, but not for the second that an idle exit makes sure of.
    phase.worker.slots.poll_opened("workflow")
    with pytest.raises(RuntimeError, match="the worker broke"):
        await phase.run(asyncio.create_task(polling()))
