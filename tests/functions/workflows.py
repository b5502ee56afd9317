"""Workflows and activities that the tests' functions serve."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.exceptions import ApplicationError

from temporal_lambda import remaining_work_time


@activity.defn
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@activity.defn
def sleep_in_thread(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@activity.defn
async def sleep_in_loop(seconds: float) -> str:
    time.sleep(seconds)  # noqa: ASYNC251 - the mistake this is about
    return "slept"


@activity.defn
async def swallow_cancellation(seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            await asyncio.sleep(until - time.monotonic())
        except asyncio.CancelledError:
            pass
    return "slept"


@activity.defn
async def crash_once() -> str:
    if activity.info().attempt == 1:
        os._exit(7)
    return "survived"


@activity.defn
async def kill_once() -> str:
    """Ends as the kernel ends a process that has used up its memory."""
    if activity.info().attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@activity.defn
def fill_disk_once() -> str:
    if activity.info().attempt == 1:
        # Linux's own full disk.
        with open("/dev/full", "w") as disk:
            disk.write("x" * 100_000)
    return "survived"


@activity.defn
def sleep_in_thread_once(seconds: float) -> str:
    if activity.info().attempt == 1:
        time.sleep(seconds)
    return "survived"


@activity.defn
def hang_after_heartbeats(seconds: float) -> list[Any]:
    """Says which details an attempt was left by the one before it."""
    details = list(activity.info().heartbeat_details)
    if not details:
        for step in range(1, 6):
            activity.heartbeat(step)
        time.sleep(seconds)
    return details


@activity.defn
def outlast_shutdown_once(seconds: float) -> str:
    """Tells when the worker begins to shut down, and goes on for so many seconds."""
    if activity.info().attempt == 1:
        activity.wait_for_worker_shutdown_sync(seconds)
        print("EVENT shutdown begins")
        time.sleep(seconds)
    return "survived"


@activity.defn
async def block_loop_once(seconds: float) -> str:
    if activity.info().attempt == 1:
        time.sleep(seconds)  # noqa: ASYNC251 - the mistake this is about
    return "survived"


@activity.defn
async def hang_once(seconds: float) -> str:
    if activity.info().attempt == 1:
        await asyncio.sleep(seconds)
    return "survived"


@activity.defn
async def beat(times: float) -> None:
    for beat in range(int(times)):
        activity.heartbeat(beat)
        if beat % 10 == 0:
            await asyncio.sleep(0)


@activity.defn
def beat_in_thread(times: float) -> None:
    for beat in range(int(times)):
        activity.heartbeat(beat)


@activity.defn
async def linger_while_armed(seconds: float) -> str:
    """A local activity, whose attempts begin anew in another worker."""
    armed = Path(os.environ["ARMED"])
    if armed.exists():
        armed.unlink()
        await asyncio.sleep(seconds)
    return "survived"


@activity.defn
async def time_left_in_loop() -> float:
    left = remaining_work_time()
    return left.total_seconds() if left else -1


@activity.defn
def time_left_in_thread() -> float:
    left = remaining_work_time()
    return left.total_seconds() if left else -1


@activity.defn
async def hold(seconds: float) -> int:
    print("EVENT holds")
    await asyncio.sleep(seconds)
    return os.getpid()


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class RunActivity:
    """Runs one activity by name."""

    @workflow.run
    async def run(self, name: str, argument: float | str | None, timeout: float) -> object:
        arguments = [] if argument is None else [argument]
        return await workflow.execute_activity(
            name,
            args=arguments,
            start_to_close_timeout=timedelta(seconds=timeout),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Naps:
    """Sleeps several times, on timers of the server."""

    @workflow.run
    async def run(self, times: int, seconds: float) -> int:
        for _ in range(times):
            await workflow.sleep(seconds)
            await workflow.execute_activity(
                greet, "nap", start_to_close_timeout=timedelta(seconds=10)
            )
        return times


@activity.defn
async def fail_twice() -> int:
    """Says which attempt it was."""
    if activity.info().attempt < 3:
        raise ApplicationError("not yet")
    return activity.info().attempt


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class ComesBack:
    """Sleeps for a second, and fails with Temporal's default pauses of 1 and 2 s."""

    @workflow.run
    async def run(self) -> int:
        await workflow.sleep(1)
        return await workflow.execute_activity(
            fail_twice, start_to_close_timeout=timedelta(seconds=60)
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Counts:
    """Counts signals, and is asked how many there were."""

    def __init__(self) -> None:
        self._count = 0

    @workflow.signal
    def add(self) -> None:
        self._count += 1

    @workflow.query
    def count(self) -> int:
        return self._count

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class RetriesLocally:
    """Runs a local activity that fails twice, with pauses of so many seconds."""

    @workflow.run
    async def run(self, pause: float) -> int:
        return await workflow.execute_local_activity(
            fail_twice,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=pause), backoff_coefficient=1.0
            ),
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class RunLocally:
    """Runs a local activity that takes so many seconds the first time."""

    @workflow.run
    async def run(self, seconds: float) -> str:
        return await workflow.execute_local_activity(
            linger_while_armed, seconds, start_to_close_timeout=timedelta(seconds=30)
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Fails:
    @workflow.run
    async def run(self) -> None:
        raise ApplicationError("on purpose")


WORKFLOWS = [RunActivity, Naps, ComesBack, Counts, RetriesLocally, RunLocally, Fails]
ACTIVITIES: list[Callable[..., Any]] = [
    greet,
    sleep_in_thread,
    sleep_in_loop,
    swallow_cancellation,
    crash_once,
    kill_once,
    fill_disk_once,
    sleep_in_thread_once,
    hang_after_heartbeats,
    outlast_shutdown_once,
    block_loop_once,
    hang_once,
    hold,
    fail_twice,
    linger_while_armed,
    beat,
    beat_in_thread,
    time_left_in_loop,
    time_left_in_thread,
]
