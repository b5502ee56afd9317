"""Executors that abandoned work has used up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from temporal_lambda.runtime.executors import KnownExecutors

MODULE_LEVEL: Executor | None = None


class Stuck:
    """A thread pool of two, with so many tasks in it that do not end."""

    def __init__(self, tasks: int) -> None:
        self.released = threading.Event()
        self.pool = ThreadPoolExecutor(2)
        for _ in range(tasks):
            self.pool.submit(self.released.wait)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck(2)
    yield made
    made.released.set()


def used_up(known: KnownExecutors, executor: Any, *, suspect: bool = True) -> list[str]:
    return known.used_up([{"activity_executor": executor}], suspect=suspect)


def test_executor_of_a_module_is_used_up_once_nothing_begins_in_it(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "MODULE_LEVEL", stuck.pool)
    assert used_up(KnownExecutors(), stuck.pool) == ["activity_executor"]


def test_executor_of_one_invocation_is_gone_with_it(stuck: Stuck) -> None:
    assert used_up(KnownExecutors(), stuck.pool) == []


def test_executor_that_comes_back_is_used_up_although_no_module_has_it(stuck: Stuck) -> None:
    known = KnownExecutors()
    assert used_up(known, stuck.pool) == []
    # Here nothing was abandoned: what waits for a thread can be cancelled.
    assert used_up(known, stuck.pool, suspect=False) == ["activity_executor"]


def test_executor_that_has_recovered_is_good_again(stuck: Stuck) -> None:
    known = KnownExecutors()
    used_up(known, stuck.pool)
    stuck.released.set()
    assert used_up(known, stuck.pool) == []


def test_executor_with_a_thread_left_is_not_used_up() -> None:
    half = Stuck(1)
    known = KnownExecutors()
    assert [used_up(known, half.pool) for _ in range(2)] == [[], []]
    half.released.set()


def test_executor_that_was_shut_down_is_none_for_the_next_invocation() -> None:
    pool = ThreadPoolExecutor(1)
    known = KnownExecutors()
    used_up(known, pool)
    pool.shutdown()
    assert used_up(known, pool) == []


def test_processes_that_do_not_end_use_up_their_executor() -> None:
    known = KnownExecutors()
    pool = ProcessPoolExecutor(1)
    try:
        # One runs, and two wait in the pipe.
        for _ in range(3):
            pool.submit(time.sleep, 2)
        assert [used_up(known, pool) for _ in range(2)] == [[], ["activity_executor"]]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def test_without_an_executor_nothing_is_used_up() -> None:
    assert KnownExecutors().used_up([{}], suspect=True) == []
