"""Slots are handed out up to their limits, and what they are used for is counted."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from temporalio.worker import CustomSlotSupplier, WorkerTuner

from temporal_lambda.tracking.slot_supplier import counted_tuner
from temporal_lambda.tracking.slots import KINDS, SlotCounter
from tests.support.clock import Clock


class Context:
    """What Core passes to a supplier."""

    def __init__(self, permit: Any = None, *, is_sticky: bool = False) -> None:
        self.permit = permit
        self.slot_info = None
        self.is_sticky = is_sticky


def nothing_expected() -> bool:
    return False


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def counter(clock: Clock) -> SlotCounter:
    return SlotCounter(clock)


def supplier(counter: SlotCounter, limit: int = 1) -> CustomSlotSupplier:
    """The activity supplier of a tuner, as Core gets to see it."""
    tuner = counted_tuner(counter, dict.fromkeys(KINDS, limit))
    assert isinstance(tuner, WorkerTuner)
    return cast(CustomSlotSupplier, cast(Any, tuner).activity_slot_supplier)


async def test_slots_are_handed_out_up_to_the_limit(counter: SlotCounter) -> None:
    slots = supplier(counter, limit=2)
    context = cast(Any, Context())
    first, second = [await slots.reserve_slot(context) for _ in range(2)]
    assert slots.try_reserve_slot(context) is None
    waiting = asyncio.create_task(slots.reserve_slot(context))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(slots.release_slot, cast(Any, Context(first)))
    assert await waiting is not second


async def test_cancelled_wait_gives_its_turn_to_the_next(counter: SlotCounter) -> None:
    slots = supplier(counter)
    context = cast(Any, Context())
    held = await slots.reserve_slot(context)
    first = asyncio.create_task(slots.reserve_slot(context))
    second = asyncio.create_task(slots.reserve_slot(context))
    await asyncio.sleep(0)
    slots.release_slot(cast(Any, Context(held)))
    first.cancel()
    await asyncio.wait_for(second, 1)


async def test_only_used_slots_count_as_tasks(counter: SlotCounter) -> None:
    slots = supplier(counter, limit=2)
    context = cast(Any, Context())
    used, unused = [await slots.reserve_slot(context) for _ in range(2)]
    slots.mark_slot_used(cast(Any, Context(used)))
    assert counter.in_flight == 1
    slots.release_slot(cast(Any, Context(unused)))
    assert counter.in_flight == 1
    slots.release_slot(cast(Any, Context(used)))
    assert counter.in_flight == 0
    assert counter.tasks == {"workflow": 0, "activity": 1, "local_activity": 0, "nexus": 0}


async def test_closing_counter_refuses_new_work_but_not_what_continues_old(
    counter: SlotCounter,
) -> None:
    slots = supplier(counter, limit=2)
    counter.refuse_polls()
    refused = asyncio.create_task(slots.reserve_slot(cast(Any, Context())))
    await asyncio.wait_for(slots.reserve_slot(cast(Any, Context(is_sticky=True))), 1)
    await asyncio.wait_for(slots.reserve_slot(cast(Any, Context(is_sticky=True))), 1)
    assert not refused.done()
    assert slots.try_reserve_slot(cast(Any, Context())) is None
    refused.cancel()


async def test_polls_of_one_kind_can_be_refused_alone(counter: SlotCounter) -> None:
    tuner = cast(Any, counted_tuner(counter, dict.fromkeys(KINDS, 1)))
    counter.refuse_polls({"workflow"})
    refused = asyncio.create_task(tuner.workflow_slot_supplier.reserve_slot(Context()))
    await asyncio.wait_for(tuner.activity_slot_supplier.reserve_slot(Context()), 1)
    assert not refused.done()
    assert counter.open_polls_for({"workflow"}) == 0
    assert counter.open_polls_for({"workflow", "activity"}) == counter.open_polls == 1
    refused.cancel()


def workflow_supplier(counter: SlotCounter, limit: int) -> CustomSlotSupplier:
    tuner = counted_tuner(counter, dict.fromkeys(KINDS, limit))
    return cast(CustomSlotSupplier, cast(Any, tuner).workflow_slot_supplier)


@pytest.mark.parametrize("sticky", [False, True])
async def test_last_workflow_slot_goes_to_the_way_of_polling_that_has_none_open(
    sticky: bool, counter: SlotCounter
) -> None:
    slots = workflow_supplier(counter, limit=2)
    first = await slots.reserve_slot(cast(Any, Context(is_sticky=sticky)))
    same = asyncio.create_task(slots.reserve_slot(cast(Any, Context(is_sticky=sticky))))
    other = await slots.reserve_slot(cast(Any, Context(is_sticky=not sticky)))
    assert not same.done()
    slots.mark_slot_used(cast(Any, Context(first)))
    slots.release_slot(cast(Any, Context(first)))
    await asyncio.wait_for(same, 1)
    slots.release_slot(cast(Any, Context(other)))


async def test_refused_reservation_leaves_its_wake_up_to_a_sticky_one(
    counter: SlotCounter,
) -> None:
    slots = supplier(counter)
    held = await slots.reserve_slot(cast(Any, Context()))
    refused = asyncio.create_task(slots.reserve_slot(cast(Any, Context())))
    sticky = asyncio.create_task(slots.reserve_slot(cast(Any, Context(is_sticky=True))))
    await asyncio.sleep(0)
    counter.refuse_polls()
    slots.release_slot(cast(Any, Context(held)))
    await asyncio.wait_for(sticky, 1)
    assert not refused.done()
    refused.cancel()


async def test_settled_means_no_task_no_open_poll_and_a_moment_of_quiet(
    clock: Clock, counter: SlotCounter
) -> None:
    slots = supplier(counter)
    poll = await slots.reserve_slot(cast(Any, Context()))
    clock.now = 1.0
    settled = asyncio.create_task(counter.wait_until_settled(100.0, nothing_expected))
    slots.mark_slot_used(cast(Any, Context(poll)))
    await asyncio.sleep(0)
    assert not settled.done()
    slots.release_slot(cast(Any, Context(poll)))
    done, _ = await asyncio.wait({settled}, timeout=0.05)
    assert not done
    clock.now = 1.2
    await asyncio.wait_for(settled, 1)


async def test_task_that_comes_while_closing_is_noticed_and_polls_are_accepted_again(
    clock: Clock, counter: SlotCounter
) -> None:
    slots = supplier(counter, limit=2)
    poll = await slots.reserve_slot(cast(Any, Context()))
    counter.refuse_polls()
    refused = asyncio.create_task(slots.reserve_slot(cast(Any, Context())))
    quiet = asyncio.create_task(counter.stays_quiet(1.0))
    await asyncio.sleep(0)
    slots.mark_slot_used(cast(Any, Context(poll)))
    assert await asyncio.wait_for(quiet, 1) is False
    assert not refused.done()
    counter.accept_polls()
    await asyncio.wait_for(refused, 1)


async def test_quiet_that_lasts_is_confirmed(clock: Clock, counter: SlotCounter) -> None:
    await supplier(counter).reserve_slot(cast(Any, Context()))
    quiet = asyncio.create_task(counter.stays_quiet(1.0))
    await asyncio.sleep(0)
    clock.now = 1.0
    assert await asyncio.wait_for(quiet, 1) is True


async def test_eager_task_is_no_poll(clock: Clock, counter: SlotCounter) -> None:
    slots = supplier(counter, limit=2)
    eager = slots.try_reserve_slot(cast(Any, Context()))
    slots.mark_slot_used(cast(Any, Context(eager)))
    slots.release_slot(cast(Any, Context(eager)))
    await slots.reserve_slot(cast(Any, Context()))
    settled = asyncio.create_task(counter.wait_until_settled(1.0, nothing_expected))
    await asyncio.sleep(0)
    clock.now = 0.9
    done, _ = await asyncio.wait({settled}, timeout=0.05)
    assert not done
    settled.cancel()


async def test_open_poll_is_waited_for_no_longer_than_the_limit(
    clock: Clock, counter: SlotCounter
) -> None:
    await supplier(counter).reserve_slot(cast(Any, Context()))
    settled = asyncio.create_task(counter.wait_until_settled(1.0, nothing_expected))
    await asyncio.sleep(0)
    clock.now = 0.9
    done, _ = await asyncio.wait({settled}, timeout=0.05)
    assert not done
    clock.now = 1.0
    await asyncio.wait_for(settled, 1)
