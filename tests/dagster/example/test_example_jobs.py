"""Every job of the example, launched through Dagster, ends as it should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.ui import FinishedRun
from temporal_lambda.local import InvocationRecord, LocalStack

pytestmark = pytest.mark.server

ANSWERED: Mapping[str, tuple[str, Any]] = {
    "sync_lambda_job": ("dagster-inline", {"ops_processed": 1, "results": {"sync_op": 1.75}}),
    "check_data_job": ("dagster-inline", {"ops_processed": 1, "results": {"check_data_op": 3}}),
    "durable_etl_job": (
        "dagster-durable",
        {
            "ops_processed": 3,
            "results": {
                "extract": [1, 2, 3],
                "transform": [2, 4, 6],
                "load": {"rows": 3, "total": 12},
            },
        },
    ),
    "etl_trigger_job": ("nightly-etl", {"loaded": ["ADA", "GRACE"], "dropped": 1}),
    "copy_files_job": ("copy-files", {"copied": {"copy_files_op": ["may.csv", "june.csv"]}}),
    "api_call_job": ("call-api", {"records_sent": 2}),
    "etl_job": ("run-config-etl", {"wrote": "clean.json", "to": "warehouse"}),
}
"""Jobs that wait: their function, and what the run shows as its result."""

ACCEPTED = {
    "async_lambda_job": "message: the shop is open",
    "arn_lambda_job": "to ops: stock is low",
    "etl_lambda_job": "loaded 3 rows, 12 in all",
    "api_trigger_job": "restocked to https://shop.example/hooks",
}
"""Jobs that don't: what their function says, sooner or later."""

CONTAINERS = {
    "ml_training_job": "train_model_op",
    "long_running_job": "backfill_op",
    "process_data_job": "process_data_op",
}
"""Jobs without Lambda tags: the op whose body runs."""


EXECUTED: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "shop_etl_job": (
        {"run_config": {"ops": {"read_rows": {"config": {"rows": 2}}}}},
        {"read_rows", "split", "enrich[row_1]", "enrich[row_2]", "write_rows"},
    ),
    "daily_sales_job": ({"tags": {"dagster/partition": "2026-01-09"}}, {"orders", "sales"}),
}
"""Jobs whose own ops are executed in Lambda: how they are launched, and their steps."""


async def run_all(
    dagster: DagsterHere, launches: Mapping[str, Mapping[str, Any]]
) -> dict[str, FinishedRun]:
    """Launch jobs, given their arguments for ``Ui.launch``, and wait until all runs are over."""
    ids = [await dagster.ui.launch(job, **arguments) for job, arguments in launches.items()]
    runs = await asyncio.gather(*map(dagster.ui.finished, ids))
    return dict(zip(launches, runs, strict=True))


def engine_events(run: FinishedRun) -> list[str]:
    return [event.message for event in run.events if event.kind == "ENGINE_EVENT"]


def metadata(run: FinishedRun, label: str) -> Any:
    """What the run's event log has under a label, last."""
    return [event.metadata[label] for event in run.events if label in event.metadata][-1]


def result(run: FinishedRun) -> Any:
    """What the run's event log says the function returned."""
    return json.loads(metadata(run, "Result"))


async def invocation(stack: LocalStack, run: FinishedRun) -> InvocationRecord:
    """The invocation that a run's event log names."""
    request_id = metadata(run, "Request id")
    return await stack.service.wait_for_record(lambda r: r.request_id == request_id, 20)


async def test_every_job_ends_as_it_should(stack: LocalStack, dagster_here: DagsterHere) -> None:
    expected = {*ANSWERED, *ACCEPTED, *CONTAINERS, *EXECUTED}
    assert set(await dagster_here.ui.jobs()) == expected
    launches = {key: EXECUTED[key][0] if key in EXECUTED else {} for key in sorted(expected)}
    runs = await run_all(dagster_here, launches)

    assert {job: (run.status, run.error) for job, run in runs.items()} == dict.fromkeys(
        runs, ("SUCCESS", "")
    )
    for job, (function, answer) in ANSWERED.items():
        assert metadata(runs[job], "Function") == function, job
        assert result(runs[job]) == answer, job
    for job, line in ACCEPTED.items():
        assert any("accepted, not awaited" in text for text in engine_events(runs[job])), job
        record = await invocation(stack, runs[job])
        assert record.invocation_type == "Event", job
        assert (record.status, line in "\n".join(record.log)) == ("success", True), record.log
    for job, (_, keys) in EXECUTED.items():
        steps = await dagster_here.ui.steps(runs[job].run_id)
        assert {key: step.status for key, step in steps.items()} == dict.fromkeys(keys, "SUCCESS")
    assert [event.kind for event in runs["daily_sales_job"].events].count(
        "ASSET_MATERIALIZATION"
    ) == 2
    for job, op in CONTAINERS.items():
        kinds = [event.kind for event in runs[job].events]
        assert "STEP_SUCCESS" in kinds, job
        assert any(op in event.message for event in runs[job].events), job
        assert not any(tag.startswith("lambda/") for tag in runs[job].tags), job


async def test_failures_are_told(dagster_here: DagsterHere) -> None:
    def config(op: str, **values: Any) -> dict[str, Any]:
        return {"run_config": {"ops": {op: {"config": values}}}}

    runs = await run_all(
        dagster_here,
        {
            "check_data_job": config("check_data_op", table="orders", at_least=4),
            "etl_trigger_job": config(
                "etl_trigger_op", source="customers", destination="warehouse", steps=["sing"]
            ),
            "sync_lambda_job": {"tags": {"lambda/payload_mode": "some"}},
            "copy_files_job": {"tags": {"lambda/function_name": "dagster-nobody"}},
        },
    )
    assert {run.status for run in runs.values()} == {"FAILURE"}
    assert "orders has 3 rows; 4 are needed" in runs["check_data_job"].error
    assert "unknown steps: ['sing']" in runs["etl_trigger_job"].error
    assert "allowed are full, config_only, ops_only, custom" in runs["sync_lambda_job"].error
    assert "Function not found" in runs["copy_files_job"].error
    # What can be known before does not start the run.
    kinds = {job: [event.kind for event in run.events] for job, run in runs.items()}
    assert "RUN_START" not in kinds["sync_lambda_job"]
    assert "RUN_START" in kinds["etl_trigger_job"]
