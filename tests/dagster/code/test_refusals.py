"""What a function or its launcher refuses before anything runs, and what is kept secret."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import dagster
import pytest
from dagster import DagsterRunStatus

from temporal_lambda.dagster.packed_text import unpack
from temporal_lambda.local import LocalStack
from tests.dagster.code.conftest import SECRET, Functions, Launch
from tests.dagster.dagster_fixtures import Dagster, steps_of

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def by_mode(functions: Functions) -> dict[str, str]:
    return {mode: functions.add(mode) for mode in ("durable", "inline")}


@pytest.fixture(params=["durable", "inline"])
def function(request: pytest.FixtureRequest, by_mode: dict[str, str]) -> str:
    return by_mode[request.param]


async def test_other_definitions_are_told_before_anything_runs(
    launch: Launch, beside: Dagster, functions: Functions
) -> None:
    function = functions.add("durable", environment={"CODE_OTHERWISE": "true"})
    run_id = await asyncio.to_thread(launch, function, "retried")
    told = await asyncio.to_thread(beside.failed, run_id)
    assert "job 'retried' is defined in this function otherwise than in the code location" in told
    assert steps_of(beside, run_id) == set()


async def test_newer_dagster_in_the_function_is_told(
    launch: Launch, beside: Dagster, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dagster, "__version__", "1.12.0")
    run_id = await asyncio.to_thread(launch, function, "retried")
    told = await asyncio.to_thread(beside.failed, run_id)
    assert "and the instance 1.12.0: an instance reads the events of its own version" in told
    assert steps_of(beside, run_id) == set()


async def test_job_that_the_function_does_not_serve_is_told(
    launch: Launch, beside: Dagster, functions: Functions
) -> None:
    function = functions.add("durable", handler="one_job")
    run_id = await asyncio.to_thread(launch, function, "nested")
    told = await asyncio.to_thread(beside.failed, run_id)
    assert "this function serves retried; the run is of 'nested'" in told


async def test_launcher_that_expects_another_kind_of_function_is_told(
    launch: Launch, beside: Dagster, function: str
) -> None:
    run_id = await asyncio.to_thread(launch, function, "retried", tags={"lambda/run_code": "false"})
    told = await asyncio.to_thread(beside.failed, run_id)
    assert "tag the job or the run with lambda/run_code: 'true'" in told


async def test_run_within_one_invocation_says_where_its_time_was_over(
    launch: Launch, beside: Dagster, functions: Functions
) -> None:
    function = functions.add("inline", seconds=8)
    naps = {name: {"config": {"seconds": 20.0}} for name in ("one", "two", "three")}
    run_id = await asyncio.to_thread(launch, function, "naps", {"ops": naps})
    told = await asyncio.to_thread(beside.failed, run_id)
    assert "the function's time was over in step" in told
    assert "make its runs durable" in told
    (interrupted,) = steps_of(beside, run_id)
    assert f'Execution of step "{interrupted}" failed' in beside.log(run_id)


async def test_event_whose_answer_nobody_gets_is_not_launched(
    launch: Launch, beside: Dagster, by_mode: dict[str, str]
) -> None:
    tags = {"lambda/invocation_type": "Event"}
    with pytest.raises(Exception, match="whose answer nobody gets, and so no events"):
        await asyncio.to_thread(launch, by_mode["inline"], "retried", tags=tags)


async def test_secrets_of_resources_are_in_no_history(
    stack: LocalStack, launch: Launch, beside: Dagster, by_mode: dict[str, str]
) -> None:
    run_id = await asyncio.to_thread(launch, by_mode["durable"], "etl")
    await asyncio.to_thread(beside.succeeded, run_id)
    history = await stack.client.get_workflow_handle(f"dagster-{run_id}").fetch_history()
    texts = json.dumps(history.to_json_dict())
    assert "dagster_step" in texts
    for text in [texts, beside.log(run_id), *unpacked(history.to_json_dict())]:
        assert SECRET not in text


def unpacked(history: dict[str, Any]) -> list[str]:
    """What the payloads of a history hold in packed form."""
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("data"), str):
                look(json.loads(base64.b64decode(value["data"])))
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)
        elif isinstance(value, str) and value.startswith("eJ"):
            found.extend(unpack(value))

    look(history)
    assert any("EventLogEntry" in text for text in found)
    assert any("PipelineRun" in text for text in found)
    return found


async def test_events_of_a_run_accepted_as_event_come_home_by_the_health_check(
    launch: Launch, beside: Dagster, by_mode: dict[str, str]
) -> None:
    tags = {"lambda/invocation_type": "Event"}
    run_id = await asyncio.to_thread(launch, by_mode["durable"], "nested", tags=tags)
    launcher = beside.launcher(steps_interval_seconds=1)
    for _ in range(100):
        run = beside.run(run_id)
        if run.is_finished:
            break
        await asyncio.to_thread(launcher.check_run_worker_health, run)
        await asyncio.sleep(0.1)
    assert run.status is DagsterRunStatus.SUCCESS, beside.log(run_id)
    assert len(steps_of(beside, run_id)) == 5
