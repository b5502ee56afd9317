"""Steps of runs on Lambda, as Dagster's webserver and its pages have them."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from examples.dagster.demo.browser import page
from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.scenario import LONG
from examples.dagster.demo.screenshot import open_run
from examples.dagster.demo.ui import StepStats

pytestmark = pytest.mark.server

OPS = ("extract", "transform", "load")


async def test_durable_run_shows_its_steps_while_it_runs_and_after_and_selected_ones_again(
    dagster_here: DagsterHere,
) -> None:
    ui = dagster_here.ui
    run_id = await ui.launch("durable_etl_job", LONG)
    steps = await while_it_runs(dagster_here, run_id, "transform")
    assert steps["extract"].status == "SUCCESS"
    assert "load" not in steps
    run = await ui.finished(run_id)
    assert run.status == "SUCCESS"
    steps = await ui.steps(run_id)
    assert {key: step.status for key, step in steps.items()} == dict.fromkeys(OPS, "SUCCESS")
    times = [time for key in OPS for time in (steps[key].start, steps[key].end)]
    assert times == sorted(times, key=lambda time: time or 0.0)
    async with page() as opened:
        await open_run(opened, ui.url, run_id)
        for step in OPS:
            await expect(opened.get_by_text(step, exact=True).first).to_be_visible()
        await expect(opened.get_by_text("STEP_SUCCESS").first).to_be_visible()
    again = await ui.finished(await ui.execute_again(run, ["load"]))
    assert again.status == "SUCCESS"
    assert list(await ui.steps(again.run_id)) == ["load"]


async def test_failing_op_is_a_failed_step_and_runs_again_from_failure(
    dagster_here: DagsterHere,
) -> None:
    ui = dagster_here.ui
    config = {"ops": {"check_data_op": {"config": {"table": "orders", "at_least": 100}}}}
    failed = await ui.finished(await ui.launch("check_data_job", config))
    (step,) = (await ui.steps(failed.run_id)).values()
    assert (failed.status, step.status) == ("FAILURE", "FAILURE")
    (event,) = [event for event in failed.events if event.kind == "STEP_FAILURE"]
    assert "orders has 3 rows; 100 are needed" in event.error
    again = await ui.finished(await ui.execute_again(failed))
    assert list(await ui.steps(again.run_id)) == ["check_data_op"]


async def while_it_runs(dagster: DagsterHere, run_id: str, step: str) -> dict[str, StepStats]:
    """The steps of a run when one of them has begun and not ended."""
    async with asyncio.timeout(30):
        while True:
            steps = await dagster.ui.steps(run_id)
            if step in steps and steps[step].end is None:
                return steps
            await asyncio.sleep(0.1)
