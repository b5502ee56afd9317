"""Threads that wait for functions."""

from __future__ import annotations

import threading

import pytest

from temporal_lambda.dagster.launching.wait_pool import WaitPool


class Waiting:
    """A wait that ends when it is let to."""

    def __init__(self, run_id: str, fails: bool = False) -> None:
        self.run_id = run_id
        self.go = threading.Event()
        self.begun = threading.Event()
        self.closed = 0
        self.fails = fails

    def run(self) -> None:
        self.begun.set()
        assert self.go.wait(10)
        if self.fails:
            raise ValueError("broke")

    def tend(self) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None:
        self.closed += 1
        if self.fails:
            raise ValueError("can't close")


def test_lane_has_no_more_threads_than_its_limit_and_delays_no_other_lane() -> None:
    pool = WaitPool()
    first, second, other = (Waiting(name) for name in ("first", "second", "other"))
    pool.submit("slow", first, 1)
    pool.submit("slow", second, 1)
    pool.submit("fast", other, 1)
    assert first.begun.wait(5)
    assert other.begun.wait(5)
    assert not second.begun.is_set()
    assert pool.join(["first", "second"], 0) == ["first", "second"]
    first.go.set()
    assert second.begun.wait(5)
    second.go.set()
    other.go.set()
    assert pool.join(["first", "second", "other"], 5) == []
    assert [wait.closed for wait in (first, second, other)] == [1, 1, 1]


def test_lane_survives_a_wait_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    pool = WaitPool()
    broken, sound = Waiting("broken", fails=True), Waiting("sound")
    pool.submit("lane", broken, 1)
    pool.submit("lane", sound, 1)
    broken.go.set()
    sound.go.set()
    assert pool.join(["broken", "sound"], 5) == []
    assert "waiting for run broken failed" in caplog.text
    assert not pool.holds("sound")


def test_wait_is_withdrawn_only_while_it_queues() -> None:
    pool = WaitPool()
    first, second = Waiting("first"), Waiting("second")
    pool.submit("lane", first, 1)
    pool.submit("lane", second, 1)
    assert first.begun.wait(5)
    assert not pool.withdraw("first")
    assert pool.withdraw("second")
    assert not pool.withdraw("second")
    assert (pool.holds("first"), pool.holds("second"), second.closed) == (True, False, 1)
    first.go.set()
    assert pool.join(["first"], 5) == []
    assert not second.begun.is_set()


def test_lock_of_a_run_is_held_by_one_thread_at_a_time_and_forgotten_afterwards() -> None:
    pool = WaitPool()
    begun, entered = threading.Event(), threading.Event()

    def enter() -> None:
        begun.set()
        with pool.run_lock("first"):
            entered.set()

    other = threading.Thread(target=enter)
    with pool.run_lock("first"):
        other.start()
        assert begun.wait(5)
        with pool.run_lock("second"):
            assert not entered.wait(0.1)
    other.join(5)
    assert entered.is_set()
    assert not pool._locks
