"""Re-execution from failure, and of selected steps: what is through is not done again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRun
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.state import KnownExecutionState

from temporal_lambda.dagster.dagster_internals import LaunchRunContext
from temporal_lambda.local import Function
from tests.dagster import jobs
from tests.dagster.dagster_fixtures import Dagster, steps_of, sync

pytestmark = pytest.mark.server


def recovering(path: Path) -> dict[str, Any]:
    ops = {"extract": {"config": {"table": "t"}}, "once_there": {"config": {"path": str(path)}}}
    return {"ops": ops}


def again(beside: Dagster, parent: DagsterRun, steps: list[str] | None = None) -> str:
    """Execute a run again, as Dagster does from failure, or the steps that are selected."""
    instance = beside.instance
    known = KnownExecutionState.build_for_reexecution(instance, parent)
    if steps is None:
        found, known = KnownExecutionState.build_resume_retry_reexecution(instance, parent)
        steps = list(found)
    plan = create_execution_plan(
        jobs.recovering,
        parent.run_config,
        step_keys_to_execute=steps,
        known_state=known,
        instance_ref=instance.get_ref(),
    )
    run = beside.create(
        parent.tags,
        parent.run_config,
        jobs.recovering,
        execution_plan=plan,
        parent_run_id=parent.run_id,
        root_run_id=parent.root_run_id or parent.run_id,
    )
    beside.launcher().launch_run(LaunchRunContext(run, None))
    return run.run_id


def output_of(beside: Dagster, run_id: str, step: str) -> Any:
    for log in beside.instance.all_logs(run_id):
        event = log.dagster_event
        if log.step_key == step and event and event.event_type_value == "STEP_OUTPUT":
            return event.step_output_data.metadata["output"].value
    raise AssertionError(beside.log(run_id))


@pytest.mark.parametrize("handler", ["durable", "inline"])
async def test_from_failure_runs_what_failed_and_what_comes_after_it(
    function: Callable[[str], Function], beside: Dagster, tmp_path: Path, handler: str
) -> None:
    path = tmp_path / "there"
    tags = sync(function(handler).name, durable=str(handler == "durable").lower())
    first = await asyncio.to_thread(beside.launch, tags, recovering(path), jobs.recovering)
    await asyncio.to_thread(beside.failed, first)
    second = await asyncio.to_thread(again, beside, beside.run(first))
    await asyncio.to_thread(beside.failed, second)
    assert steps_of(beside, second) == {"once_there"}
    path.touch()
    # The output it needs is two runs away by now.
    third = await asyncio.to_thread(again, beside, beside.run(second))
    await asyncio.to_thread(beside.succeeded, third)
    assert steps_of(beside, third) == {"once_there", "publish"}
    assert output_of(beside, third, "once_there") == ["t-0!", "t-1!"]


@pytest.mark.parametrize("handler", ["durable", "inline"])
async def test_selected_steps_of_a_run_that_succeeded_get_its_outputs(
    function: Callable[[str], Function], beside: Dagster, tmp_path: Path, handler: str
) -> None:
    tags = sync(function(handler).name, durable=str(handler == "durable").lower())
    first = await asyncio.to_thread(beside.launch, tags, recovering(tmp_path), jobs.recovering)
    await asyncio.to_thread(beside.succeeded, first)
    second = await asyncio.to_thread(again, beside, beside.run(first), ["once_there"])
    await asyncio.to_thread(beside.succeeded, second)
    assert steps_of(beside, second) == {"once_there"}
    assert output_of(beside, second, "once_there") == ["t-0!", "t-1!"]
