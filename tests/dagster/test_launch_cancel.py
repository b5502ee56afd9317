"""Runs that are canceled: what stops, and what is told of what doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterRunStatus

from tests.dagster.dagster_fixtures import Dagster, Lambda, eventually, sent, sync

pytestmark = pytest.mark.server


def requests(aws: Lambda, run_id: str) -> list[str]:
    """What the function was asked for."""
    return [sent(record).get("request", "run") for record in aws.records("protocol", run_id)]


def test_durable_run_is_canceled_in_lambda(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch(sync("protocol", durable="true"))
    eventually(lambda: aws.records("protocol", run_id), "it was invoked")
    assert dagster.launcher().terminate(run_id)
    run = dagster.finished(run_id)
    assert run.status is DagsterRunStatus.CANCELED
    assert "cancel" in requests(aws, run_id)
    assert not dagster.launcher().terminate(run_id)


def test_cancel_request_waits_for_the_run_to_be_known(
    dagster: Dagster, aws: Lambda, state: Path
) -> None:
    run_id = dagster.launch(
        {"lambda/function_name": "protocol", "lambda/durable": "true", "lambda/external": "true"}
    )
    eventually(lambda: aws.records("protocol", run_id), "it has begun")
    (state / f"{run_id}.begun").unlink()
    assert not dagster.launcher(cancel_timeout_seconds=1).terminate(run_id)
    assert "does not know the run (yet)" in dagster.log(run_id)
    # So that run monitoring goes on to ask after it.
    assert dagster.run(run_id).status is DagsterRunStatus.STARTED
    (state / f"{run_id}.begun").touch()
    assert dagster.launcher().terminate(run_id)
    assert dagster.run(run_id).status is DagsterRunStatus.CANCELED


def test_plain_function_can_not_be_stopped_and_that_is_said(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch(sync("nap"))
    eventually(lambda: aws.busy("nap"), "it runs")
    assert not dagster.launcher().terminate(run_id)
    assert "nap has been invoked, and AWS Lambda has no way to end" in dagster.log(run_id)
    dagster.succeeded(run_id)
    assert not dagster.messages(run_id, DagsterEventType.RUN_CANCELING)


def test_canceled_run_stays_canceled_whatever_its_function_answers(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("nap"))
    eventually(lambda: aws.busy("nap"), "it runs")
    dagster.instance.report_run_canceled(dagster.run(run_id))
    eventually(lambda: aws.records("nap", run_id), "the function has ended")
    dagster.launcher().dispose()
    eventually(lambda: "lambda/request_id" in dagster.run(run_id).tags, "its answer has come")
    assert dagster.run(run_id).status is DagsterRunStatus.CANCELED
    assert not dagster.messages(run_id, DagsterEventType.RUN_SUCCESS)
    assert "The function returned" not in dagster.log(run_id)


def test_canceled_run_is_not_invoked_again(dagster: Dagster, aws: Lambda, state: Path) -> None:
    run_id = dagster.launch(sync("protocol"))
    eventually(lambda: aws.records("protocol", run_id), "it was invoked")
    dagster.instance.report_run_canceling(dagster.run(run_id))
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
    assert "cancel" not in requests(aws, run_id)


def test_durable_run_marked_from_outside_is_canceled_in_lambda(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("protocol", durable="true"))
    eventually(lambda: aws.records("protocol", run_id), "it was invoked")
    dagster.instance.report_run_canceling(dagster.run(run_id))
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
    assert requests(aws, run_id)[-1] == "cancel"


def test_run_that_waits_for_its_turn_is_never_invoked(dagster: Dagster, aws: Lambda) -> None:
    first = dagster.launch(sync("nap"), max_concurrent_waits=1)
    second = dagster.launch(sync("nap"), max_concurrent_waits=1)
    assert dagster.run(second).status is DagsterRunStatus.STARTED
    assert dagster.launcher().terminate(second)
    assert dagster.run(second).status is DagsterRunStatus.CANCELED
    dagster.succeeded(first)
    assert not aws.records("nap", second)
