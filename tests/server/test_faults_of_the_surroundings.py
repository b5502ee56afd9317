"""Faults of what stands around a worker: its executor, hooks, plugins and settings."""

from __future__ import annotations

import asyncio
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import LocalStack
from temporal_lambda.report import INVOCATION, find_line
from temporal_lambda.worker_deployment import set_current, wait_until_bound, wait_until_routed
from tests.support.by_hand import by_hand
from tests.support.fault_scenario import (
    CheckDocumented,
    FaultScenario,
    MakeScenario,
    activity_runs,
    failed,
    had_tasks,
    ran_activity,
)
from tests.support.lambdas import events
from tests.support.reliability import WRITE, Row, check, seen_in_history
from tests.support.waiting import PATIENCE


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
        pytest.param("name", marks=pytest.mark.fault("name of the server that can't be resolved")),
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


@pytest.mark.fault("proxies in the environment's variables that are down")
async def test_proxies_in_variables_are_not_used(
    surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    dead = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    async with surrounded_by("none", env=dead) as scenario:
        handle = await scenario.start("greet", "World")
        assert await scenario.result(handle) == "Hello, World!"
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.fault("disk that is full while an activity writes")
async def test_full_disk(scenario: FaultScenario, check_documented: CheckDocumented) -> None:
    handle = await scenario.start("fill_disk_once")
    assert await scenario.result(handle) == "survived"
    await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            "clock back",
            marks=pytest.mark.fault("wall clock goes back an hour while an activity runs"),
        ),
        pytest.param(
            "clock back and forth",
            marks=pytest.mark.fault("wall clock goes forth an hour and back two, for a while"),
        ),
    ],
)
async def test_wall_clock_that_is_set_ends_nothing(
    fault: str, armed: Path, surrounded_by: MakeScenario, check_documented: CheckDocumented
) -> None:
    async with surrounded_by(fault) as scenario:
        armed.touch()
        handle = await scenario.start("hold", 2.0)
        await scenario.result(handle)
        await check_documented(scenario, handle, await scenario.wait_for_record(ran_activity))


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


@pytest.mark.fault("SIGTERM outside of Lambda while an activity runs")
async def test_sigterm_outside_of_lambda_ends_the_process_after_the_report(
    stack: LocalStack, request: pytest.FixtureRequest
) -> None:
    queue = f"by-hand-{uuid.uuid4().hex[:6]}"
    version = WorkerDeploymentVersion(queue, "1")
    with by_hand(stack, queue) as process:
        await wait_until_bound(stack.client, version, PATIENCE, lambda: None)
        await set_current(stack.client, version)
        await wait_until_routed(stack.client, queue, PATIENCE)
        handle: Any = await stack.client.start_workflow(
            "RunActivity", args=["hang_once", 60.0, 120.0], id=queue, task_queue=queue
        )
        await activity_runs(handle)
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == -signal.SIGTERM
    report = next(found for line in output.splitlines() if (found := find_line(INVOCATION, line)))
    with by_hand(stack, queue):
        assert await asyncio.wait_for(handle.result(), PATIENCE) == "survived"
    (fault,) = request.node.get_closest_marker("fault").args
    row = Row(
        fault,
        await seen_in_history(handle),
        f"ended by SIGTERM, stopped by {report['stop_reason']}",
        "; ".join(f"abandoned: {entry['activity']}" for entry in report["abandoned"])
        or "the report",
    )
    check(row, write=request.config.getoption(WRITE))
