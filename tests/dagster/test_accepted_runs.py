"""Durable runs that AWS has accepted as Events, and nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from temporal_lambda.dagster.launching import accepted_runs
from tests.dagster.claimed_runs import GONE, health, started
from tests.dagster.dagster_fixtures import Dagster, Lambda, eventually, requests

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepted_runs, "LOOK_SECONDS", 0.2)


def accepted(dagster: Dagster, aws: Lambda, **more: str) -> str:
    """A durable run that has begun, and that this process does not wait for."""
    flags = {f"lambda/{name}": value for name, value in {"durable": "true", **more}.items()}
    run_id = dagster.launch({"lambda/function_name": "protocol", **flags})
    eventually(lambda: aws.records("protocol", run_id), "it has begun")
    eventually(lambda: not dagster.waits_for(run_id), "it is not waited for")
    return run_id


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ("done", DagsterRunStatus.SUCCESS),
        ("failed", DagsterRunStatus.FAILURE),
        ("canceled", DagsterRunStatus.CANCELED),
    ],
)
@pytest.mark.parametrize("external", ["true", "false"])
def test_durable_run_that_was_accepted_ends_as_its_workflow_ends(
    external: str, mark: str, status: DagsterRunStatus, dagster: Dagster, aws: Lambda, state: Path
) -> None:
    run_id = accepted(dagster, aws, external=external)
    assert health(dagster, run_id) == ("RUNNING", "not done in Lambda")
    (state / f"{run_id}.{mark}").touch()
    assert health(dagster, run_id)[0] == "SUCCESS"
    assert dagster.run(run_id).status is status
    assert "cancel" not in requests(aws, run_id)


def test_trouble_of_the_function_that_is_asked_about_a_run_does_not_end_it(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = started(dagster, "fail", replace(GONE, phase="accepted"), durable="true")
    assert health(dagster, run_id)[0] == "RUNNING"
    assert dagster.run(run_id).status is DagsterRunStatus.STARTED


def test_external_durable_run_that_can_not_be_asked_stays_started(dagster: Dagster) -> None:
    run_id = started(dagster, "nobody", replace(GONE, phase="accepted"), durable="true")
    status, message = health(dagster, run_id)
    assert status == "RUNNING"
    assert "Function not found" in message


ENDS: dict[str, Callable[[Dagster, str], object]] = {
    "failed": lambda dagster, run_id: dagster.instance.report_run_failed(dagster.run(run_id)),
    "canceled": lambda dagster, run_id: dagster.instance.report_run_canceled(dagster.run(run_id)),
    "deleted": lambda dagster, run_id: dagster.instance.delete_run(run_id),
}


@pytest.mark.parametrize("how", ENDS)
def test_workflow_of_an_accepted_run_that_somebody_ended_is_canceled(
    how: str, dagster: Dagster, aws: Lambda
) -> None:
    run_id = accepted(dagster, aws)
    ENDS[how](dagster, run_id)
    eventually(lambda: "cancel" in requests(aws, run_id), "its workflow is canceled")
    eventually(lambda: not dagster.waits_for(run_id), "the launcher is done with it")
    run = dagster.instance.get_run_by_id(run_id)
    expected = {"canceled": "CANCELED", "failed": "FAILURE", "deleted": None}[how]
    assert (run and run.status.value) == expected


def test_process_that_found_an_accepted_run_healthy_looks_after_it_too(
    dagster: Dagster, aws: Lambda, state: Path
) -> None:
    elsewhere = replace(GONE, phase="accepted", host="elsewhere")
    run_id = started(dagster, "protocol", elsewhere, durable="true")
    (state / f"{run_id}.begun").touch()
    assert health(dagster, run_id) == ("RUNNING", "not done in Lambda")
    ENDS["failed"](dagster, run_id)
    eventually(lambda: "cancel" in requests(aws, run_id), "its workflow is canceled")
    eventually(lambda: not dagster.waits_for(run_id), "the launcher is done with it")
    assert dagster.run(run_id).status is DagsterRunStatus.FAILURE
