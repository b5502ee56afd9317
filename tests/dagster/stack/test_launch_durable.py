"""Launcher and handler together: durable runs on a real Temporal server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial

import pytest
from dagster import DagsterRunStatus

from temporal_lambda.dagster.dagster_internals import LaunchRunContext
from temporal_lambda.dagster.launching.tags import REQUEST_ID
from temporal_lambda.dagster.launching.wait_pool import process_pool
from temporal_lambda.local import Function, LocalStack
from tests.dagster import jobs
from tests.dagster.dagster_fixtures import Dagster, eventually, sync
from tests.support.dagster_client import payload, pending_activity
from tests.support.lambdas import MakeFunction, events

pytestmark = pytest.mark.server


@pytest.fixture
def durable(stack: LocalStack, make_function: MakeFunction) -> Callable[..., Function]:
    return lambda **options: stack.create(make_function("dagster_ops.durable", **options))


async def test_ops_run_in_the_order_of_the_job(
    durable: Callable[..., Function], beside: Dagster
) -> None:
    config = {"ops": {"load": {"config": {"table": "t"}}, "extract": {"config": {"table": "us"}}}}
    tags = sync(durable().name, durable="true")
    launch = partial(beside.launch, tags, config, jobs.in_order)
    run_id = await asyncio.to_thread(launch)
    await asyncio.to_thread(beside.succeeded, run_id)
    assert beside.result(run_id) == {
        "ops_processed": 3,
        "results": {
            "extract": ["us-0", "us-1"],
            "transform": ["US-0", "US-1"],
            "load": {"rows": ["US-0", "US-1"], "to": "t"},
        },
    }


async def test_token_of_dagsters_environment_is_in_no_history(
    stack: LocalStack,
    durable: Callable[..., Function],
    beside: Dagster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", "agent:test:s3cret")
    config = {"ops": {"nap": {"config": {"steps": 1, "seconds": 0.1}}}}
    tags = sync(durable().name, durable="true")
    run_id = await asyncio.to_thread(beside.launch, tags, config, jobs.napping)
    run = await asyncio.to_thread(beside.succeeded, run_id)
    history = await stack.client.get_workflow_handle(f"dagster-{run_id}").fetch_history()
    (record,) = [r for r in stack.service.records if r.request_id == run.tags[REQUEST_ID]]
    assert "nap" in history.to_json()
    for text in (history.to_json(), beside.log(run_id), run.tags, record.log):
        assert "s3cret" not in str(text)


async def test_run_outlives_its_invocations_and_is_done_once(
    stack: LocalStack, durable: Callable[..., Function], beside: Dagster
) -> None:
    function = durable(seconds=5)
    config = {"ops": {"nap": {"config": {"steps": 6, "seconds": 0.5}}}}
    tags = sync(function.name, durable="true")
    run_id = await asyncio.to_thread(beside.launch, tags, config, jobs.napping)
    await asyncio.to_thread(beside.succeeded, run_id)
    assert beside.result(run_id)["results"] == {"nap": "slept 6"}
    records = [record for record in stack.service.records if record.function == function.name]
    assert len(records) >= 2
    naps = [event for record in records for event in events(record) if "nap from" in event]
    assert naps.count("nap from 0") == 1


async def test_waiting_invocation_ends_while_another_one_works_for_the_run(
    stack: LocalStack, durable: Callable[..., Function], beside: Dagster
) -> None:
    function = durable(seconds=30)
    nap = {"steps": 200, "seconds": 0.1}
    config = {"ops": {"nap": {"config": nap}}}
    run = beside.create(sync(function.name, durable="true"), config, jobs.napping)
    # As the worker controller's, it has no launcher that waits for its answer.
    event = payload({"nap": nap}, jobs.napping.name, run.run_id)
    working = asyncio.create_task(stack.service.invoke(function, json.dumps(event).encode()))
    await pending_activity(stack.client.get_workflow_handle(f"dagster-{run.run_id}"))
    launch = partial(beside.launcher().launch_run, LaunchRunContext(run, None))
    await asyncio.to_thread(launch)

    def given_way() -> bool:
        return f"Another invocation of {function.name} works" in beside.log(run.run_id)

    await asyncio.to_thread(eventually, given_way, "the waiting invocation has ended")
    assert not working.done()
    # The run is looked after all the same.
    assert await asyncio.to_thread(beside.launcher().terminate, run.run_id)
    run = await asyncio.to_thread(beside.finished, run.run_id)
    assert run.status is DagsterRunStatus.CANCELED
    await working


@pytest.mark.timeout(240)
@pytest.mark.longest
async def test_run_of_90_s_succeeds_in_a_function_that_may_take_20(
    stack: LocalStack, durable: Callable[..., Function], beside: Dagster
) -> None:
    function = durable(seconds=20)
    config = {"ops": {"nap": {"config": {"steps": 90, "seconds": 1.0}}}}
    tags = sync(function.name, durable="true")
    run_id = await asyncio.to_thread(beside.launch, tags, config, jobs.napping)
    run = await asyncio.to_thread(beside.finished, run_id, 200)
    assert run.status is DagsterRunStatus.SUCCESS, beside.log(run_id)
    assert beside.result(run_id)["results"] == {"nap": "slept 90"}
    records = [record for record in stack.service.records if record.function == function.name]
    assert {record.status for record in records} == {"success"}
    assert max(record.duration_ms for record in records) < 20_000


async def test_canceled_run_is_canceled_on_the_server(
    stack: LocalStack, durable: Callable[..., Function], beside: Dagster
) -> None:
    function = durable()
    config = {"ops": {"nap": {"config": {"steps": 100, "seconds": 0.1}}}}
    tags = sync(function.name, durable="true")
    run_id = await asyncio.to_thread(beside.launch, tags, config, jobs.napping)
    begun = partial(eventually, lambda: stack.service.busy(function.name), "it was invoked")
    await asyncio.to_thread(begun)
    assert await asyncio.to_thread(beside.launcher().terminate, run_id)
    run = await asyncio.to_thread(beside.finished, run_id)
    assert run.status is DagsterRunStatus.CANCELED
    # The service answers in this event loop, and no longer once the test is over.
    assert not await asyncio.to_thread(process_pool().join, [run_id], 20)
    workflow = stack.client.get_workflow_handle(f"dagster-{run_id}")
    status = (await workflow.describe()).status
    assert status is not None
    assert status.name == "CANCELED"


async def test_function_with_room_for_one_invocation_needs_no_other_to_be_canceled(
    stack: LocalStack, durable: Callable[..., Function], beside: Dagster
) -> None:
    function = durable(concurrency=1, seconds=30)
    temporal = {"address": stack.temporal_address, "namespace": stack.client.namespace}
    config = {"ops": {"nap": {"config": {"steps": 250, "seconds": 0.1}}}}
    tags = sync(function.name, durable="true")
    launch = partial(beside.launch, tags, config, jobs.napping, temporal=temporal)
    run_id = await asyncio.to_thread(launch)
    await pending_activity(stack.client.get_workflow_handle(f"dagster-{run_id}"))
    assert await asyncio.to_thread(beside.launcher(temporal=temporal).terminate, run_id)
    run = await asyncio.to_thread(beside.finished, run_id, 15)
    assert run.status is DagsterRunStatus.CANCELED
    assert not await asyncio.to_thread(process_pool().join, [run_id], 20)
    assert len([one for one in stack.service.records if one.function == function.name]) == 1
