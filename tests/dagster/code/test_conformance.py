"""What Dagster's own in-process executor makes of a job, a function makes of it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, JobDefinition

from temporal_lambda.dagster.dagster_internals import InMemoryJob
from tests.dagster.code.conftest import CodeWorld
from tests.dagster.code.transcript import Transcript, transcript

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Case:
    """A run of a job."""

    job: str
    run_config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


NO_RETRIES: dict[str, Any] = {
    "execution": {"config": {"in_process": {"retries": {"disabled": {}}}}}
}

CASES = {
    "outputs, hooks, resources, events of assets": Case(
        "etl", {"resources": {"factors": {"config": {"factor": 3}}}}
    ),
    "an output that is not produced": Case("etl", {"ops": {"extract": {"config": {"count": 1}}}}),
    "dynamic mapping": Case("mapped"),
    "retries by policy and by request": Case("retried"),
    "retries that the run config disables": Case("retried", NO_RETRIES),
    "a failure": Case("failing"),
    "graphs in graphs, fan-in": Case("nested"),
    "a selection of ops": Case("etl", more={"op_selection": ["extract", "divide"]}),
    "partitions": Case("by_letters", tags={"dagster/partition": "b"}),
    "asset checks": Case("numbers"),
    "a selection of assets": Case(
        "__ASSET_JOB", more={"asset_selection": frozenset({AssetKey("left")})}
    ),
}


def execute_here(job: JobDefinition, case: Case) -> Transcript:
    """A run by Dagster's own in-process executor."""
    from dagster._core.execution.api import execute_run_iterator

    config = dict(case.run_config)
    config.setdefault("execution", {"config": {"in_process": {}}})
    with DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job, run_config=config, tags=case.tags, **case.more)
        list(execute_run_iterator(InMemoryJob(job), run, instance))
        return transcript(instance, run.run_id)


@pytest.mark.parametrize("mode", ["inline", "durable"])
@pytest.mark.parametrize("name", CASES)
async def test_run_is_what_dagster_itself_makes_of_it(
    code_world: CodeWorld, name: str, mode: str
) -> None:
    case = CASES[name]
    expected = await asyncio.to_thread(execute_here, code_world.functions.jobs[case.job], case)
    run_id = await asyncio.to_thread(
        code_world.launch,
        code_world.named[mode],
        case.job,
        case.run_config,
        dict(case.tags),
        **case.more,
    )
    await asyncio.to_thread(code_world.dagster.finished, run_id, 60)
    found = transcript(code_world.dagster.instance, run_id)
    log = code_world.dagster.log(run_id)
    assert found.status == expected.status, log
    assert found.events == expected.events
    assert found.logs == expected.logs
    assert found.steps == expected.steps
