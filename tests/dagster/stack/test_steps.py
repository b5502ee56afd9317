"""Steps of runs on Lambda: what the handler says of each op is in Dagster's event log, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from dagster import AssetKey, DagsterEventType, DagsterRunStatus, JobDefinition
from dagster._core.execution.stats import StepEventStatus

from temporal_lambda.dagster.launching import live_steps, step_events
from temporal_lambda.dagster.launching.steps import StepReplay
from temporal_lambda.local import Function
from tests.dagster import jobs
from tests.dagster.dagster_fixtures import Dagster, eventually, sync

pytestmark = pytest.mark.server

BOTH = pytest.mark.parametrize("handler", ["durable", "inline"])
EXTRACT = {"ops": {"extract": {"config": {"table": "t"}}}}


async def launched(
    beside: Dagster,
    function: Function,
    job: JobDefinition,
    config: Any,
    partition: str | None = None,
    **values: Any,
) -> str:
    tags = sync(function.name, durable=str("durable" in function.handler).lower())
    if partition:
        tags["dagster/partition"] = partition
    launch = partial(beside.launch, tags, config, job, **values)
    return await asyncio.to_thread(launch)


def entries(beside: Dagster, run_id: str) -> list[tuple[str, str]]:
    """The step events of a run, without log lines: step and type."""
    return [
        (log.step_key, log.dagster_event.event_type_value)
        for log in beside.instance.all_logs(run_id)
        if log.step_key and log.dagster_event
    ]


def kinds(beside: Dagster, run_id: str, step: str) -> list[str]:
    return [kind for key, kind in entries(beside, run_id) if key == step]


@BOTH
async def test_each_op_is_a_step_with_its_own_times(
    function: Callable[[str], Function], beside: Dagster, handler: str
) -> None:
    run_id = await launched(beside, function(handler), jobs.in_order, EXTRACT)
    await asyncio.to_thread(beside.succeeded, run_id)
    whole = ["STEP_START", "STEP_OUTPUT", "STEP_SUCCESS"]
    for step in ("extract", "transform", "load"):
        assert kinds(beside, run_id, step) == whole
    stats = {one.step_key: one for one in beside.instance.get_run_step_stats(run_id)}
    assert {one.status for one in stats.values()} == {StepEventStatus.SUCCESS}
    order = [stats[step] for step in ("extract", "transform", "load")]
    times = [time for one in order for time in (one.start_time or 0.0, one.end_time or 0.0)]
    assert times == sorted(times)
    assert times[0] > 1e9


@pytest.mark.parametrize("handler", ["durable", "durable_raising", "inline"])
async def test_op_that_fails_is_a_failed_step_with_its_error_and_stack(
    function: Callable[[str], Function], beside: Dagster, handler: str
) -> None:
    run_id = await launched(beside, function(handler), jobs.failing, EXTRACT)
    await asyncio.to_thread(beside.failed, run_id)
    assert kinds(beside, run_id, "extract")[-1] == "STEP_SUCCESS"
    assert kinds(beside, run_id, "fail") == ["STEP_START", "STEP_FAILURE"]
    assert kinds(beside, run_id, "publish") == []
    (log,) = beside.instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE)
    assert log.dagster_event
    error = log.dagster_event.step_failure_data.error
    assert error
    assert (error.cls_name, error.message) == ("ValueError", "no luck")
    assert any("dagster_ops.py" in line for line in error.stack)


@BOTH
async def test_retries_are_shown(
    function: Callable[[str], Function], beside: Dagster, handler: str
) -> None:
    config = {"ops": {"fail": {"config": {"succeeds_at": 3}}}}
    run_id = await launched(beside, function(handler), jobs.patient, config)
    await asyncio.to_thread(beside.succeeded, run_id)
    assert kinds(beside, run_id, "fail") == [
        "STEP_START",
        "STEP_UP_FOR_RETRY",
        "STEP_RESTARTED",
        "STEP_UP_FOR_RETRY",
        "STEP_RESTARTED",
        "STEP_OUTPUT",
        "STEP_SUCCESS",
    ]
    (stats,) = beside.instance.get_run_step_stats(run_id)
    assert (stats.status, stats.attempts) == (StepEventStatus.SUCCESS, 3)


@BOTH
async def test_what_an_op_reports_is_in_dagster(
    function: Callable[[str], Function], beside: Dagster, handler: str
) -> None:
    run_id = await launched(beside, function(handler), jobs.reporting, EXTRACT, "monday")
    await asyncio.to_thread(beside.succeeded, run_id)
    shown = kinds(beside, run_id, "publish")
    assert sorted(shown) == sorted(
        [
            "STEP_START",
            "ASSET_MATERIALIZATION",
            "ASSET_OBSERVATION",
            "ASSET_CHECK_EVALUATION",
            "ASSET_MATERIALIZATION",
            "STEP_OUTPUT",
            "STEP_SUCCESS",
        ]
    )
    latest = beside.instance.get_latest_materialization_event(AssetKey(["shop", "orders"]))
    assert latest
    assert latest.asset_materialization
    assert latest.asset_materialization.partition == "monday"
    assert latest.asset_materialization.metadata["rows"].value == 2
    lines = [log for log in beside.instance.all_logs(run_id) if log.user_message]
    assert any("publishing monday of reporting" in log.user_message for log in lines)
    (output,) = beside.instance.all_logs(run_id, of_type=DagsterEventType.STEP_OUTPUT)[-1:]
    assert output.dagster_event
    assert output.dagster_event.step_output_data.metadata["rows"].value == 2


async def test_steps_of_a_durable_run_show_while_its_function_is_at_work(
    function: Callable[[str], Function], beside: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_steps, "GROWTH", 1.0)
    config = {"ops": {**EXTRACT["ops"], "nap": {"config": {"steps": 5, "seconds": 1.0}}}}
    napping = function("durable")
    run_id = await launched(beside, napping, jobs.outliving, config, steps_interval_seconds=1)

    def napping_shows() -> bool:
        return kinds(beside, run_id, "nap") == ["STEP_START"]

    await asyncio.to_thread(eventually, napping_shows, "the step nap has begun", 60.0)
    assert kinds(beside, run_id, "extract")[-1] == "STEP_SUCCESS"
    assert beside.run(run_id).status is DagsterRunStatus.STARTED
    await asyncio.to_thread(beside.succeeded, run_id)
    assert kinds(beside, run_id, "nap") == ["STEP_START", "STEP_OUTPUT", "STEP_SUCCESS"]


STEP = {
    "op": "op_a",
    "status": "success",
    "attempt": 2,
    "start": 1767960000.0,
    "end": 1767960001.0,
    "output": 1,
    "logs": [{"time": 1767960000.5, "level": "INFO", "message": "half"}],
    "events": [{"kind": "materialization", "asset_key": "step/once"}],
    "earlier": [{"attempt": 1, "error": {"type": "ValueError", "message": "no"}}],
}


def test_steps_that_another_process_has_shown_are_not_shown_again(dagster: Dagster) -> None:
    run = dagster.create({})
    running = {**STEP, "status": "running"}
    StepReplay(dagster.instance, run.run_id).replay(run, [running])
    StepReplay(dagster.instance, run.run_id).replay(run, [STEP])
    seen = dagster.instance.all_logs(run.run_id)
    StepReplay(dagster.instance, run.run_id).replay(run, [STEP])
    assert len(dagster.instance.all_logs(run.run_id)) == len(seen)
    assert sorted(kinds(dagster, run.run_id, "op_a")) == [
        "ASSET_MATERIALIZATION",
        "STEP_OUTPUT",
        "STEP_RESTARTED",
        "STEP_START",
        "STEP_SUCCESS",
        "STEP_UP_FOR_RETRY",
    ]


HOSTILE: list[Any] = [
    None,
    {"op": 3},
    {"op": "nobody", "status": "success", "attempt": 1},
    {"op": "op_a", "status": "success", "attempt": "1"},
    {"op": "op_a", "status": "lost", "attempt": 1, "start": float("nan"), "earlier": [7]},
    {**STEP, "output": [{"__class__": "Customer", "__enum__": 1}], "metadata": {"__set__": [1]}},
    {**STEP, "logs": [{"message": "\ud800" * 20_000, "time": "soon"}, "no object"] * 3_000},
    {**STEP, "start": 1e300, "end": -5, "metadata": {str(n): n for n in range(500)}},
    {**STEP, "metadata": {"big": 2**100, "nan": float("nan"), "deep": [[{"__class__": 1}]]}},
    {
        **STEP,
        "events": [
            {"kind": "materialization", "asset_key": "a" * 100_000},
            {"kind": "materialization", "asset_key": []},
            {"kind": "materialization", "asset_key": "m", "metadata": {"x": {"__class__": "C"}}},
            {"kind": "materialization", "asset_key": "m", "partition": "\ud800"},
            {"kind": "asset_check", "asset_key": "m", "check_name": "c", "passed": "yes"},
            {
                "kind": "asset_check",
                "asset_key": "m",
                "check_name": "c",
                "passed": True,
                "severity": "FATAL",
            },
            {"kind": "observation"},
            {"kind": "explosion"},
        ],
    },
    {**STEP, "status": "failure", "error": {"message": "e" * 100_000, "stack": [1] * 10_000}},
    {**STEP, "status": "failure", "error": "no object", "attempt": 10**9},
]


@pytest.mark.parametrize("step", HOSTILE, ids=range(len(HOSTILE)))
def test_steps_of_a_stranger_leave_an_event_log_that_can_be_read(
    dagster: Dagster, step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_events, "MAX_LOG_LINES", 100)
    run = dagster.create({})
    StepReplay(dagster.instance, run.run_id).replay(run, [step])
    assert len(dagster.instance.all_logs(run.run_id)) < 300
    dagster.instance.get_run_step_stats(run.run_id)
    for record in dagster.instance.get_asset_records():
        assert record.asset_entry.asset_key
