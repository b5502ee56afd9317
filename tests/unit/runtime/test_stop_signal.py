"""The request to end an invocation before its time."""

from __future__ import annotations

import pytest

from temporal_lambda.runtime.stop_signal import StopSignal


async def test_request_ends_the_work_and_hurries_nothing() -> None:
    signal = StopSignal()
    signal.enter_loop()
    signal.send()
    assert signal.stopped.done()
    assert not signal.hurry.done()


async def test_hurried_request_cuts_short_what_goes_on_as_well() -> None:
    signal = StopSignal()
    signal.enter_loop()
    signal.hurried = True
    signal.send()
    assert signal.stopped.done()
    assert signal.hurry.done()


async def test_request_may_come_before_there_is_a_loop() -> None:
    signal = StopSignal()
    signal.send()
    signal.enter_loop()
    assert signal.stopped.done()


async def test_second_request_may_hurry_the_first() -> None:
    signal = StopSignal()
    signal.enter_loop()
    signal.send()
    signal.hurried = True
    signal.send()
    assert signal.hurry.done()


def test_waiting_outside_of_a_loop_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="not in a loop"):
        _ = StopSignal().stopped
