"""Bounds on a block of code."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from temporal_lambda.timeouts import Stopped, TimeExpired, at_most

FAR = 60.0


async def test_a_stop_ends_the_block_before_its_bound() -> None:
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(stop.set_result, None)
    with pytest.raises(Stopped):
        async with at_most(FAR, stop):
            await asyncio.sleep(FAR)
    with pytest.raises(Stopped):
        async with at_most(FAR, stop):
            await asyncio.sleep(FAR)


async def test_a_bound_cancels_the_block_and_says_how_long_it_had() -> None:
    with pytest.raises(TimeExpired, match=r"not done after 0\.0 s"):
        async with at_most(0.01):
            await asyncio.sleep(FAR)
    await asyncio.sleep(0)


async def test_a_bound_leaves_the_blocks_own_errors_and_cancellations_alone() -> None:
    with pytest.raises(TimeoutError) as error:
        async with at_most(FAR):
            raise TimeoutError("mine")
    assert not isinstance(error.value, TimeExpired)
    with pytest.raises(asyncio.CancelledError):
        async with at_most(FAR):
            raise asyncio.CancelledError


async def test_a_bound_keeps_the_context_of_its_task() -> None:
    variable = contextvars.ContextVar[str]("variable", default="outside")
    async with at_most(FAR):
        variable.set("inside")
    assert variable.get() == "inside"
