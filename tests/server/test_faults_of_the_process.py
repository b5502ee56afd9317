"""Processes that end or hang in the middle of things, and what becomes of the workflow."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.budget import TERMINATION
from tests.conftest import MakeFunction
from tests.server.conftest import Observe
from tests.server.lambdas import until
from tests.server.scene import RETRY_DELAYS, Scene, behind_proxy, failed, ran_activity


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(
            "kill_once",
            marks=pytest.mark.fault("process killed for its memory while an activity runs"),
        ),
        pytest.param(
            "crash_once",
            marks=pytest.mark.fault("process exits while an activity runs"),
        ),
    ],
)
async def test_process_that_ends_in_an_activity(
    activity: str, scene: Scene, observe: Observe
) -> None:
    handle = await scene.start(activity, timeout=2.0)
    assert await scene.result(handle) == "survived"
    await observe(scene, handle, await scene.hit(failed))


@pytest.mark.parametrize(
    ("activity", "seconds"),
    [
        pytest.param(
            "hang_once",
            60.0,
            marks=pytest.mark.fault("SIGTERM while an activity runs"),
        ),
        pytest.param(
            "sleep_in_thread_once",
            20.0,
            marks=pytest.mark.fault("SIGTERM while an activity runs in a thread"),
        ),
    ],
)
async def test_sigterm_during_an_activity(
    activity: str, seconds: float, scene: Scene, observe: Observe
) -> None:
    handle = await scene.start(activity, seconds, timeout=60.0)
    await scene.activity_runs(handle)
    os.kill(scene.pid, signal.SIGTERM)
    assert await scene.result(handle) == "survived"
    await observe(scene, handle, await scene.hit(ran_activity))


@pytest.mark.fault("SIGTERM during the drain")
async def test_sigterm_during_the_drain(
    stack: LocalStack, make_function: MakeFunction, observe: Observe
) -> None:
    env = {"TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "4s"}
    function = make_function("lifecycle.lambda_handler", seconds=8, env=env)
    async with behind_proxy(stack, function) as scene:
        handle = await scene.start("outlast_shutdown_once", 30.0, timeout=60.0)
        await scene.says("EVENT shutdown begins")
        begun = time.monotonic()
        os.kill(scene.pid, signal.SIGTERM)
        record = await scene.hit(ran_activity)
        assert time.monotonic() - begun < 2 * TERMINATION
        assert await scene.result(handle) == "survived"
        await observe(scene, handle, record)


@pytest_asyncio.fixture(loop_scope="session")
async def short(stack: LocalStack, make_function: MakeFunction) -> AsyncIterator[Scene]:
    """A function whose invocations end after 5 s, while activities run."""
    function = make_function("lifecycle.lambda_handler", seconds=5, retries=0)
    async with behind_proxy(stack, function) as scene:
        yield scene


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(
            "hang_once",
            marks=pytest.mark.fault("deadline while an async activity runs"),
        ),
        pytest.param(
            "sleep_in_thread_once",
            marks=pytest.mark.fault("deadline while an activity runs in a thread"),
        ),
        pytest.param(
            "block_loop_once",
            marks=pytest.mark.fault("activity blocks the event loop until the deadline"),
        ),
    ],
)
async def test_activity_that_straddles_the_deadline_is_retried_at_once(
    activity: str, short: Scene, observe: Observe
) -> None:
    handle = await short.start(activity, 30.0, timeout=120.0)
    # Long before the timeout of two minutes.
    assert await short.result(handle) == "survived"
    record = await short.hit(ran_activity)
    await observe(short, handle, record)


@pytest.mark.fault("killed by Lambda at the timeout while an activity runs")
async def test_killed_at_the_timeout(
    stack: LocalStack, make_function: MakeFunction, observe: Observe
) -> None:
    # The handler knows no deadline, and nothing idles while the activity runs.
    function = make_function("no_deadline.lambda_handler", seconds=3, retries=0)
    async with behind_proxy(stack, function) as scene:
        handle = await scene.start("hang_once", 60.0, timeout=4.0)
        assert await scene.result(handle) == "survived"
        record = await scene.hit(failed)
        assert record.error
        assert record.error.endswith("Task timed out after 3.00 seconds")
        await observe(scene, handle, record)


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(phase, marks=pytest.mark.fault(f"process exits in {place}"))
        for phase, place in {
            "init": "the import of the handler",
            "configure": "the configure callback",
            "hook": "a shutdown hook",
            "teardown": "the code after the callback's yield",
        }.items()
    ],
)
async def test_process_that_exits_in_a_phase(
    phase: str, tmp_path: Path, stack: LocalStack, make_function: MakeFunction, observe: Observe
) -> None:
    armed = tmp_path / "armed"
    function = make_function(
        "crashes.lambda_handler",
        env={"PHASE": phase, "ARMED": str(armed)},
        retry_delays=RETRY_DELAYS,
    )
    async with behind_proxy(stack, function) as scene:
        armed.touch()
        if phase == "init":
            stack.service.recycle(function.name)
        handle = await scene.start("greet", "World")
        assert await scene.result(handle) == "Hello, World!"
        await until(lambda: not armed.exists())
        # A crashed init is tried again at once, within the same invocation.
        record = await scene.hit(ran_activity if phase == "init" else failed)
        await observe(scene, handle, record)
