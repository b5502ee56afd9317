"""Faults of what stands around a worker: its executor, hooks, plugins and settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.local import LocalStack
from tests.support.fault_scenario import (
    RETRY_DELAYS,
    CheckDocumented,
    FaultScenario,
    behind_proxy,
    failed,
    had_tasks,
    ran_activity,
)
from tests.support.lambdas import MakeFunction, events

MakeScenario = Callable[..., AbstractAsyncContextManager[FaultScenario]]


@pytest.fixture
def armed(tmp_path: Path) -> Path:
    """The file that lets a fault strike once."""
    return tmp_path / "armed"


@pytest.fixture
def surrounded_by(stack: LocalStack, make_function: MakeFunction, armed: Path) -> MakeScenario:
    """The function in surroundings that are at fault."""

    def make(fault: str, seconds: float = 8) -> AbstractAsyncContextManager[FaultScenario]:
        function = make_function(
            "surroundings.lambda_handler",
            seconds=seconds,
            env={"FAULT": fault, "ARMED": str(armed)},
            retry_delays=RETRY_DELAYS,
        )
        return behind_proxy(stack, function)

    return make


@pytest.mark.fault("executor at module level used up by an activity that does not end")
async def test_executor_that_is_used_up_ends_its_process(
    surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by("executor", seconds=5) as scenario:
        handle = await scenario.start("sleep_in_thread_once", 60.0, timeout=120.0)
        # In the same process the retry would wait for a thread for ever.
        assert await scenario.result(handle) == "survived"
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("hook that needs most of the time there is, at the deadline")
async def test_hook_that_needs_most_of_the_time_gets_it(
    surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by("hook", seconds=5) as scenario:
        handle = await scenario.start("hang_once", 60.0, timeout=120.0)
        assert await scenario.result(handle) == "survived"
        record = await scenario.wait_for_record(ran_activity)
        assert "flushed" in events(record)
        await check_documented(scenario, handle, record)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("plugin", marks=pytest.mark.fault("client plugin that raises")),
        pytest.param("namespace", marks=pytest.mark.fault("wrong namespace")),
    ],
)
async def test_start_that_fails_is_made_again(
    fault: str, armed: Path, surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by(fault) as scenario:
        armed.touch()
        handle = await scenario.start("greet", "World")
        assert await scenario.result(handle) == "Hello, World!"
        await check_documented(scenario, handle, await scenario.wait_for_record(failed))


@pytest.mark.fault("deadline while a local activity runs")
async def test_local_activity_at_the_deadline_runs_anew(
    armed: Path, surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by("none", seconds=5) as scenario:
        armed.touch()
        client: Any = scenario.stack.client
        handle = await client.start_workflow(
            "RunLocally",
            60.0,
            id=f"local-{scenario.function.name}",
            task_queue=scenario.deployed.task_queue,
        )
        assert await scenario.result(handle) == "survived"
        await check_documented(scenario, handle, await scenario.wait_for_record(had_tasks))
