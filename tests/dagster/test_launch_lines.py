"""Threads that wait for functions, and the tags that tell of them."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_lambda.dagster.launching.waiter import Waiter
from temporal_lambda.dagster.launching.waits import Waits


def test_waiter_lives_as_long_as_its_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        waiter = replace(Waiter.here("9d6c"), pid=child.pid, started=started(child.pid))
        assert waiter.alive(time.time())
        assert not replace(waiter, started="1").alive(time.time())
        child.kill()
    assert not waiter.alive(time.time())


def started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_waiter_of_an_unknown_start_lives_while_its_lease_does() -> None:
    waiter = replace(Waiter.here("9d6c"), started="")
    assert waiter.alive(time.time())
    assert not waiter.alive(time.time() + 600)
    assert replace(waiter, host=f"not-{platform.node()}").alive(time.time())


def test_process_of_another_container_of_the_same_name_is_another() -> None:
    here = Waiter.here("9d6c")
    there = replace(here, namespace="pid:[1]")
    assert not there.same_process(here)
    # Its id says nothing here, where another process may have it: the lease counts.
    assert replace(there, started="1").alive(time.time())
    assert not there.alive(time.time() + 600)


@pytest.mark.parametrize("tag", [None, "", "{}", "[1]", '{"run_id": "9d6c"}'])
def test_tag_that_is_no_waiter_is_none(tag: str | None) -> None:
    assert Waiter.from_tag(tag, "9d6c") is None


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

    def renew(self) -> None: ...

    def close(self) -> None:
        self.closed += 1
        if self.fails:
            raise ValueError("can't close")


def test_lane_has_no_more_threads_than_its_limit_and_delays_no_other() -> None:
    waits = Waits()
    first, second, other = (Waiting(name) for name in ("first", "second", "other"))
    waits.submit("slow", first, 1)
    waits.submit("slow", second, 1)
    waits.submit("fast", other, 1)
    assert first.begun.wait(5)
    assert other.begun.wait(5)
    assert not second.begun.is_set()
    assert waits.join(["first", "second"], 0) == ["first", "second"]
    first.go.set()
    assert second.begun.wait(5)
    second.go.set()
    other.go.set()
    assert waits.join(["first", "second", "other"], 5) == []
    assert [wait.closed for wait in (first, second, other)] == [1, 1, 1]


def test_lane_survives_what_fails_in_it(caplog: pytest.LogCaptureFixture) -> None:
    waits = Waits()
    broken, sound = Waiting("broken", fails=True), Waiting("sound")
    waits.submit("lane", broken, 1)
    waits.submit("lane", sound, 1)
    broken.go.set()
    sound.go.set()
    assert waits.join(["broken", "sound"], 5) == []
    assert "waiting for run broken failed" in caplog.text
    assert not waits.holds("sound")


def test_wait_is_withdrawn_only_from_the_line() -> None:
    waits = Waits()
    first, second = Waiting("first"), Waiting("second")
    waits.submit("lane", first, 1)
    waits.submit("lane", second, 1)
    assert first.begun.wait(5)
    assert not waits.withdraw("first")
    assert waits.withdraw("second")
    assert not waits.withdraw("second")
    assert (waits.holds("first"), waits.holds("second"), second.closed) == (True, False, 1)
    first.go.set()
    assert waits.join(["first"], 5) == []
    assert not second.begun.is_set()
