"""A worker is not shut down while its first polls are on their way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from temporal_lambda.deadline import Deadline
from temporal_lambda.runtime import first_polls
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.first_polls import ON_THEIR_WAY, reach_the_server

SLACK = 0.15
Now = Callable[[], float]


@pytest.fixture
async def now() -> Now:
    return asyncio.get_running_loop().time


def closing(now: Now, seconds: float = 60) -> Budget:
    deadline = Deadline(now() + seconds, now)
    return Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5)).close()


def running() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def waited(now: Now, opened_at: Callable[[], float | None], budget: Budget) -> float:
    begun = now()
    await reach_the_server(opened_at, {running()}, budget)
    return now() - begun


async def test_polls_that_were_open_for_long_need_no_waiting(now: Now) -> None:
    begun = now()
    assert await waited(now, lambda: begun - 1, closing(now)) < SLACK


async def test_polls_that_open_only_now_are_waited_for(now: Now) -> None:
    opens = now() + 0.05
    took = await waited(now, lambda: opens if now() >= opens else None, closing(now))
    assert 0.04 + ON_THEIR_WAY < took < 0.05 + ON_THEIR_WAY + SLACK


async def test_worker_that_never_polls_is_not_waited_for_for_long(
    now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_polls, "AT_MOST", 0.2)
    assert 0.15 < await waited(now, lambda: None, closing(now)) < 0.2 + SLACK


async def test_nothing_is_waited_for_where_no_time_is_left(now: Now) -> None:
    assert await waited(now, lambda: None, closing(now, seconds=0.1)) < SLACK


async def test_worker_that_has_ended_is_not_waited_for(now: Now) -> None:
    ended = running()
    ended.set_result(None)
    begun = now()
    await reach_the_server(lambda: None, {ended}, closing(now, math.inf))
    assert now() - begun < SLACK
