"""Durable runs whose steps are interrupted: by the invocation's end, by a kill, by a cancel."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRunStatus

from temporal_lambda.dagster.launching import payload, run_facts, tags
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.local import LocalStack
from tests.dagster.code.conftest import CodeWorld, Functions, Launch
from tests.dagster.code.transcript import starts, transcript
from tests.dagster.dagster_fixtures import Dagster, eventually
from tests.support.lambdas import running_pid

pytestmark = pytest.mark.server


def config_of_naps(seconds: float, mark: Path | str = "") -> dict[str, Any]:
    config = {"seconds": seconds, "mark": str(mark)}
    return {"ops": {name: {"config": config} for name in ("one", "two", "three")}}


def check_each_event_is_there_once(dagster: Dagster, run_id: str) -> None:
    """Each event once, and each step begun and ended once."""
    entries = dagster.instance.all_logs(run_id)
    counts = Counter(
        (entry.timestamp, entry.step_key, entry.message)
        for entry in entries
        if entry.step_key is not None
    )
    assert [one for one, count in counts.items() if count > 1] == []
    assert set(starts(dagster.instance, run_id).values()) == {1}
    told = transcript(dagster.instance, run_id)
    assert set(told.steps.values()) == {("SUCCESS", 1)}


async def test_steps_that_are_cut_off_are_executed_again_and_told_once(
    launch: Launch, beside: Dagster, functions: Functions, tmp_path: Path
) -> None:
    function = functions.add("durable", seconds=6)
    run_id = await asyncio.to_thread(
        launch, function, "naps", config_of_naps(3, tmp_path / "marks")
    )
    await asyncio.to_thread(beside.succeeded, run_id)
    begins = (tmp_path / "marks").read_text().splitlines()
    assert len(begins) > 3
    assert len([one for one in functions.stack.service.records if one.function == function]) > 1
    check_each_event_is_there_once(beside, run_id)
    assert "hook: failed" not in beside.log(run_id)


@pytest.mark.timeout(240)
@pytest.mark.longest
async def test_ten_attempts_that_are_cut_off_leave_no_failure(
    launch: Launch, beside: Dagster, functions: Functions, tmp_path: Path
) -> None:
    function = functions.add("durable", seconds=6)
    config = {"ops": {"cut_off": {"config": {"path": str(tmp_path / "begun"), "times": 10}}}}
    run_id = await asyncio.to_thread(launch, function, "persistent", config)
    await asyncio.to_thread(beside.finished, run_id, 200)
    assert beside.run(run_id).status is DagsterRunStatus.SUCCESS, beside.log(run_id)
    assert len((tmp_path / "begun").read_text().splitlines()) == 11
    check_each_event_is_there_once(beside, run_id)
    told = transcript(beside.instance, run_id)
    assert told.logs == {"cut_off": [(20, "attempt 11")]}


@pytest.mark.timeout(300)
@pytest.mark.longest
async def test_run_of_90_s_succeeds_on_a_function_that_may_take_20(
    launch: Launch, beside: Dagster, functions: Functions
) -> None:
    function = functions.add("durable", seconds=20)
    run_id = await asyncio.to_thread(launch, function, "marathon")
    run = await asyncio.to_thread(beside.finished, run_id, 250)
    assert run.status is DagsterRunStatus.SUCCESS, beside.log(run_id)
    check_each_event_is_there_once(beside, run_id)
    stats = beside.instance.get_run_step_stats(run_id)
    assert len(stats) == 18
    assert sum((one.end_time or 0) - (one.start_time or 0) for one in stats) >= 90
    records = [one for one in functions.stack.service.records if one.function == function]
    assert max(record.duration_ms for record in records) < 20_000


async def test_step_whose_process_is_killed_is_executed_again(
    stack: LocalStack, launch: Launch, beside: Dagster, functions: Functions, tmp_path: Path
) -> None:
    function, marks = functions.add("durable", seconds=60), tmp_path / "marks"
    run_id = await asyncio.to_thread(launch, function, "naps", config_of_naps(3, marks))
    await asyncio.to_thread(eventually, marks.exists, "a step has begun")
    os.kill(await running_pid(stack.service, function), signal.SIGKILL)
    await asyncio.to_thread(beside.finished, run_id, 90)
    assert beside.run(run_id).status is DagsterRunStatus.SUCCESS, beside.log(run_id)
    assert len(marks.read_text().splitlines()) > 3
    check_each_event_is_there_once(beside, run_id)


async def test_event_that_is_delivered_twice_is_one_run(
    stack: LocalStack, launch: Launch, beside: Dagster, functions: Functions, tmp_path: Path
) -> None:
    function, marks = functions.add("durable"), tmp_path / "marks"
    config = LauncherConfig()
    run_id = await asyncio.to_thread(launch, function, "naps", config_of_naps(1, marks))
    run = beside.run(run_id)
    facts = run_facts.collect_run_facts(beside.instance, run, config, run_code=True)
    now = datetime.now(timezone.utc)
    event = payload.build(tags.resolve(run.tags, config), facts, now)
    found = stack.service.find(function)
    assert found is not None
    await asyncio.gather(*(stack.service.invoke(found, event) for _ in range(2)))
    await asyncio.to_thread(beside.succeeded, run_id)
    assert {line.split()[0] for line in marks.read_text().splitlines()} == {"one", "two", "three"}
    check_each_event_is_there_once(beside, run_id)


async def test_daemon_that_is_restarted_tells_the_rest_of_the_events(
    code_world: CodeWorld, tmp_path: Path
) -> None:
    function = code_world.functions.add("durable", seconds=8)
    dagster = code_world.dagster
    launch = partial(code_world.launch, function, "naps", config_of_naps(3, tmp_path / "marks"))
    run_id = await asyncio.to_thread(launch)

    def some_are_told() -> bool:
        return "STEP_SUCCESS" in dagster.log(run_id)

    await asyncio.to_thread(eventually, some_are_told, "some steps are through", 60)
    code_world.daemon.kill()
    code_world.daemon.start()
    run = await asyncio.to_thread(dagster.finished, run_id, 90)
    assert run.status is DagsterRunStatus.SUCCESS, dagster.log(run_id)
    check_each_event_is_there_once(dagster, run_id)


async def test_steps_under_way_are_shown_and_end_when_the_run_is_canceled(
    stack: LocalStack, launch: Launch, beside: Dagster, functions: Functions
) -> None:
    function = functions.add("durable")
    run_id = await asyncio.to_thread(launch, function, "naps", config_of_naps(60))

    def shown() -> bool:
        return len(starts(beside.instance, run_id)) == 2

    await asyncio.to_thread(eventually, shown, "the steps are shown as begun")
    terminate = partial(beside.launcher(steps_interval_seconds=1).terminate, run_id)
    assert await asyncio.to_thread(terminate)
    run = await asyncio.to_thread(beside.finished, run_id, 60)
    assert run.status is DagsterRunStatus.CANCELED, beside.log(run_id)
    told = transcript(beside.instance, run_id)
    assert list(told.steps.values()) == [("FAILURE", 1)] * 2
    assert "hook: failed" not in beside.log(run_id)
    status = (await stack.client.get_workflow_handle(f"dagster-{run_id}").describe()).status
    assert status is not None
    assert status.name == "CANCELED"
