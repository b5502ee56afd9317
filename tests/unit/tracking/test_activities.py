"""The activities in flight: which of them have begun."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from temporal_lambda.tracking.activities import ActivitiesInFlight


class RunsInExecutor(ActivityInboundInterceptor):
    """Stands for the SDK's own."""

    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(input.executor, input.fn, *input.args)


def starts(in_flight: ActivitiesInFlight, code: Callable[..., Any], executor: Executor) -> Any:
    """An attempt of an activity, which runs beside the test."""

    async def attempt() -> Any:
        chain = in_flight.intercept_activity(RunsInExecutor())
        return await chain.execute_activity(ExecuteActivityInput(code, ("tea",), executor, {}))

    return asyncio.create_task(ActivityEnvironment().run(attempt))


class Kettle:
    """An activity that goes on until it is released, and tells when its code has begun."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.release = threading.Event()
        self._loop = asyncio.get_running_loop()

    def brew(self, what: str) -> str:
        self._loop.call_soon_threadsafe(self.began.set)
        self.release.wait(20)
        return what


@pytest.fixture
async def kettle() -> Kettle:
    return Kettle()


async def test_one_that_no_thread_is_free_for_has_not_begun(kettle: Kettle) -> None:
    in_flight = ActivitiesInFlight()
    with ThreadPoolExecutor(1) as executor:
        occupied = executor.submit(kettle.release.wait, 20)
        running = starts(in_flight, kettle.brew, executor)
        while not in_flight.describe():
            await asyncio.sleep(0)
        (waits,) = in_flight.describe()
        assert waits["waits_for_thread"]
        kettle.release.set()
        assert await running == "tea"
        assert occupied.result()
    assert kettle.began.is_set()
    assert in_flight.describe() == []


async def test_one_that_a_thread_runs_has_begun(kettle: Kettle) -> None:
    in_flight = ActivitiesInFlight()
    with ThreadPoolExecutor(1) as executor:
        running = starts(in_flight, kettle.brew, executor)
        await asyncio.wait_for(kettle.began.wait(), 20)
        (begun,) = in_flight.describe()
        assert "waits_for_thread" not in begun
        kettle.release.set()
        assert await running == "tea"
