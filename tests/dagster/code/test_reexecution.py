"""Re-execution, automatic retries and selections: exactly the steps that Dagster would execute."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRun, RunsFilter
from dagster._core.execution.plan.state import KnownExecutionState

from temporal_lambda.dagster.dagster_internals import LaunchRunContext, create_execution_plan
from tests.dagster.code.conftest import CodeWorld, Functions, Launch
from tests.dagster.code.transcript import starts
from tests.dagster.dagster_fixtures import Dagster, eventually

pytestmark = pytest.mark.server


def recovering(path: Path) -> dict[str, Any]:
    return {"ops": {"once_there": {"config": {"path": str(path)}}}}


def executed(dagster: Dagster, run_id: str) -> set[str]:
    return set(starts(dagster.instance, run_id))


def again(
    beside: Dagster, functions: Functions, parent: DagsterRun, steps: list[str] | None = None
) -> str:
    """Execute a run again, as Dagster does from failure, or the steps that are selected."""
    instance, job = beside.instance, functions.jobs[parent.job_name]
    known = KnownExecutionState.build_for_reexecution(instance, parent)
    if steps is None:
        found, known = KnownExecutionState.build_resume_retry_reexecution(instance, parent)
        steps = list(found)
    config = dict(parent.run_config)
    plan = create_execution_plan(job, config, step_keys_to_execute=steps, known_state=known)
    run = beside.create(
        parent.tags,
        config,
        job,
        execution_plan=plan,
        parent_run_id=parent.run_id,
        root_run_id=parent.root_run_id or parent.run_id,
    )
    beside.launcher().launch_run(LaunchRunContext(run, None))
    return run.run_id


@pytest.fixture(scope="module")
def by_mode(functions: Functions) -> dict[str, str]:
    return {mode: functions.add(mode) for mode in ("durable", "inline")}


@pytest.mark.parametrize("mode", ["durable", "inline"])
async def test_from_failure_executes_what_failed_and_what_comes_after_it(
    launch: Launch,
    beside: Dagster,
    functions: Functions,
    by_mode: dict[str, str],
    tmp_path: Path,
    mode: str,
) -> None:
    path = tmp_path / "there"
    first = await asyncio.to_thread(launch, by_mode[mode], "recovering", recovering(path))
    assert "FileNotFoundError: not there yet" in await asyncio.to_thread(beside.failed, first)
    assert executed(beside, first) == {"extract", "once_there"}
    second = await asyncio.to_thread(again, beside, functions, beside.run(first))
    await asyncio.to_thread(beside.failed, second)
    path.touch()
    # The output it needs is two runs away by now.
    third = await asyncio.to_thread(again, beside, functions, beside.run(second))
    await asyncio.to_thread(beside.succeeded, third)
    assert executed(beside, third) == {"once_there", "after"}


async def test_selected_steps_of_a_mapping_are_executed_alone(
    launch: Launch, beside: Dagster, functions: Functions, by_mode: dict[str, str]
) -> None:
    first = await asyncio.to_thread(launch, by_mode["durable"], "mapped")
    await asyncio.to_thread(beside.succeeded, first)
    steps = ["square[n2]", "add_up"]
    second = await asyncio.to_thread(again, beside, functions, beside.run(first), steps)
    await asyncio.to_thread(beside.succeeded, second)
    assert executed(beside, second) == {"square[n2]", "add_up"}
    assert "sum 14" in beside.log(second)


async def test_automatic_retry_of_a_run_does_not_repeat_what_is_through(
    code_world: CodeWorld, tmp_path: Path
) -> None:
    path, dagster = tmp_path / "there", code_world.dagster
    launch = partial(
        code_world.launch,
        code_world.named["durable"],
        "recovering",
        recovering(path),
        {"dagster/max_retries": "1"},
    )
    first = await asyncio.to_thread(launch)
    await asyncio.to_thread(dagster.failed, first)
    path.touch()
    retries = RunsFilter(tags={"dagster/parent_run_id": first})
    found = partial(dagster.instance.get_runs, retries)
    (second,) = await asyncio.to_thread(eventually, found, "it is retried", 60)
    await asyncio.to_thread(dagster.succeeded, second.run_id)
    assert executed(dagster, second.run_id) == {"once_there", "after"}
