"""Which process waits for a run, and whether it is still there."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_lambda.dagster.launching.lease import (
    CLOCK_DIFFERENCE_SECONDS,
    LeaseObserver,
    RunLease,
)


def test_lease_lasts_as_long_as_its_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        lease = replace(RunLease.here("9d6c"), pid=child.pid, started=started(child.pid))
        assert lease.alive(time.time())
        assert not replace(lease, started="1").alive(time.time())
        child.kill()
    assert not lease.alive(time.time())


def started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_lease_of_a_process_of_unknown_start_lasts_until_it_ends() -> None:
    lease = replace(RunLease.here("9d6c"), started="")
    assert lease.alive(time.time())
    assert not lease.alive(time.time() + 600)
    assert replace(lease, host=f"not-{platform.node()}").alive(time.time())


def test_process_of_another_container_of_the_same_host_name_is_another() -> None:
    here = RunLease.here("9d6c")
    there = replace(here, namespace="pid:[1]")
    assert not there.same_process(here)
    # Its id says nothing here, where another process may have it: the lease counts.
    assert replace(there, started="1").alive(time.time())
    assert not there.alive(time.time() + 600)


@pytest.mark.parametrize("tag", [None, "", "{}", "[1]", '{"run_id": "9d6c"}'])
def test_tag_that_is_no_lease_is_none(tag: str | None) -> None:
    assert RunLease.from_tag(tag, "9d6c") is None


@pytest.mark.parametrize("clock_is_off", [-600, 0, 600])
def test_process_on_another_host_is_alive_while_its_lease_changes_whatever_its_clock_says(
    clock_is_off: float,
) -> None:
    now = 0.0
    observer = LeaseObserver(clock=lambda: now)
    lease = replace(RunLease.here("9d6c"), host="elsewhere", until=time.time() + 90 + clock_is_off)
    for _ in range(10):
        now += 60
        lease = replace(lease, until=lease.until + 1)
        assert observer.alive(lease)
    now += 89
    assert observer.alive(lease)
    now += 1
    assert not observer.alive(lease)
    assert observer.alive(replace(lease, until=lease.until + 1))


def test_lease_that_ended_long_ago_is_over_at_first_sight() -> None:
    long_ago = time.time() - CLOCK_DIFFERENCE_SECONDS - 1
    lease = replace(RunLease.here("9d6c"), host="elsewhere", until=long_ago)
    assert not LeaseObserver().alive(lease)


def test_process_of_this_host_is_looked_for() -> None:
    lease = RunLease.here("9d6c")
    assert LeaseObserver().alive(lease)
    assert not LeaseObserver().alive(replace(lease, started="1"))
