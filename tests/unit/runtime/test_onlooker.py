"""What an invocation tells while it runs, to a local Lambda that asked for it."""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from temporal_lambda.deadline import Deadline
from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.onlooker import looked_on_by
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.tracking.slots import SlotCounter
from tests.support.invocations import Strategy, run_invocation

NOTHING = {"workflow": 0, "activity": 0, "local_activity": 0, "nexus": 0}


@pytest.fixture
def slots() -> SlotCounter:
    return SlotCounter(time.monotonic)


@pytest.fixture
def progress(slots: SlotCounter) -> Progress:
    """Of an invocation at work; all that is told of its worker are the slots."""
    deadline = Deadline(at=time.monotonic() + 60, clock=time.monotonic)
    budget = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5))
    progress = Progress(InvocationReport("request-1", cold=True), budget)
    worker: Any = SimpleNamespace(counted=True, started=True, slots=slots)
    progress.worker, progress.work_began = worker, True
    return progress


@pytest.fixture
def onlooker(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as onlooker:
        onlooker.bind(str(tmp_path / "onlooker"))
        onlooker.settimeout(10)
        yield onlooker


def hear(onlooker: socket.socket) -> Any:
    return json.loads(onlooker.recv(1000))


def test_tasks_are_told_as_they_begin(
    progress: Progress, slots: SlotCounter, onlooker: socket.socket
) -> None:
    with looked_on_by(onlooker.getsockname(), progress):
        assert hear(onlooker) == {"request_id": "request-1", "tasks": NOTHING}
        slots.begin("activity")
        assert hear(onlooker)["tasks"] == {**NOTHING, "activity": 1}


def test_what_has_not_changed_is_told_once_and_the_end_is_told_in_any_case(
    progress: Progress, slots: SlotCounter, onlooker: socket.socket
) -> None:
    with looked_on_by(onlooker.getsockname(), progress):
        hear(onlooker)
        for _ in range(1000):
            slots.begin("workflow")
    told = []
    while select.select([onlooker], [], [], 0)[0]:
        told.append(hear(onlooker)["tasks"]["workflow"])
    assert told[-1] == 1000
    assert told == sorted(set(told))
    assert len(told) <= 3


def test_onlooker_that_is_gone_or_does_not_read_holds_nobody_up(
    progress: Progress, slots: SlotCounter, onlooker: socket.socket, tmp_path: Path
) -> None:
    begun = time.monotonic()
    with looked_on_by(str(tmp_path / "nobody"), progress):
        slots.begin("workflow")
    for _ in range(2000):
        with looked_on_by(onlooker.getsockname(), progress):
            slots.begin("workflow")
    assert time.monotonic() - begun < 60
    assert not [one for one in threading.enumerate() if one.name == "temporal-lambda-onlooker"]


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open no file and no socket: all numbers below the limit are taken."""
    taken = [os.open(os.devnull, os.O_RDONLY)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 10, before[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(taken[0]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in taken:
            os.close(descriptor)


def test_invocation_goes_on_where_there_can_be_no_more_sockets(
    progress: Progress, onlooker: socket.socket
) -> None:
    done = []
    with no_more_files(), looked_on_by(onlooker.getsockname(), progress):
        with pytest.raises(OSError, match="Too many open files"):
            socket.socket(socket.AF_UNIX)
        done.append("work")
    assert done == ["work"]
    assert not select.select([onlooker], [], [], 0)[0]


def test_invocation_goes_on_where_there_can_be_no_more_threads(
    progress: Progress, onlooker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock: the system's limit of threads holds for all processes of a user at once."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    done = []
    with looked_on_by(onlooker.getsockname(), progress):
        done.append("work")
    assert done == ["work"]


def test_error_of_the_invocation_is_not_taken_for_one_of_the_onlookers(
    progress: Progress, onlooker: socket.socket
) -> None:
    with (
        pytest.raises(OSError, match="of the work"),
        looked_on_by(onlooker.getsockname(), progress),
    ):
        raise OSError("of the work")


def test_invocation_without_onlooker_has_no_thread_for_one() -> None:
    threads: list[str] = []

    async def look() -> str:
        threads.extend(thread.name for thread in threading.enumerate())
        return "done"

    assert run_invocation(strategy=Strategy(look)).result == "done"
    assert "temporal-lambda-onlooker" not in threads


def test_invocation_is_told_of_from_its_work_to_its_end(
    onlooker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TEMPORAL_LAMBDA_ONLOOKER", onlooker.getsockname())
    assert run_invocation().result == "done"
    assert hear(onlooker) == {"request_id": "request-1", "tasks": NOTHING}
