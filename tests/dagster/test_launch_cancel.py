"""Runs that are canceled: what stops, who sees to it, and how the run ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.execution.backfill import cancel_backfill_runs_and_cancellation_complete

from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching.lease import Phase, RunLease
from temporal_lambda.dagster.launching.tags import REQUEST_ID, WAITER
from tests.dagster.dagster_fixtures import Dagster, Lambda, eventually, requests, sync

pytestmark = pytest.mark.server


def test_durable_run_is_canceled_in_lambda(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch(sync("protocol", durable="true"))
    eventually(lambda: aws.records("protocol", run_id), "it was invoked")
    assert dagster.launcher().terminate(run_id)
    run = dagster.finished(run_id)
    assert run.status is DagsterRunStatus.CANCELED
    assert "cancel" in requests(aws, run_id)
    assert not dagster.launcher().terminate(run_id)


def test_cancel_is_sent_until_the_run_is_known(dagster: Dagster, aws: Lambda, state: Path) -> None:
    run_id = dagster.launch({"lambda/function_name": "protocol", "lambda/durable": "true"})
    eventually(lambda: aws.records("protocol", run_id), "it has begun")
    eventually(lambda: not dagster.waits_for(run_id), "it is not waited for")
    (state / f"{run_id}.begun").unlink()
    assert dagster.launcher().terminate(run_id)
    eventually(lambda: "it does not know the run yet" in dagster.log(run_id), "that is noted")
    assert dagster.run(run_id).status is DagsterRunStatus.CANCELING
    (state / f"{run_id}.begun").touch()
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED


def test_plain_function_goes_on_and_its_run_is_canceled_with_the_result_in_a_note(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("nap"))
    eventually(lambda: aws.busy("nap"), "it runs")
    for _ in range(3):
        assert dagster.launcher().terminate(run_id)
        assert dagster.run(run_id).status is DagsterRunStatus.CANCELING
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
    assert len(dagster.messages(run_id, DagsterEventType.RUN_CANCELING)) == 1
    assert "nap could not be stopped: the function did its work" in dagster.log(run_id)
    assert dagster.result(run_id)["dagster_run"]["run_id"] == run_id
    assert not dagster.messages(run_id, DagsterEventType.RUN_SUCCESS)


def test_terminating_a_run_takes_no_request_to_aws(dagster: Dagster, aws: Lambda) -> None:
    def no_client(*_: object) -> None:
        raise AssertionError("AWS is not asked by the caller")

    run_ids = [dagster.launch(sync("doze", durable=durable)) for durable in ("true", "false")]
    eventually(lambda: aws.busy("doze") == 2, "they run")
    other = LambdaRunLauncher(dagster.launcher().config, client_factory=no_client)
    other.register_instance(dagster.instance)
    for run_id in run_ids:
        assert other.terminate(run_id)
        assert not dagster.run(run_id).is_finished
    for run_id in run_ids:
        dagster.finished(run_id)


def test_backfill_of_dagster_is_canceled_without_a_flood_of_events(
    dagster: Dagster, aws: Lambda
) -> None:
    runs = [
        dagster.launch({**tags, "dagster/backfill": "everything"})
        for tags in (
            {"lambda/function_name": "echo", "lambda/external": "true"},
            {"lambda/function_name": "protocol", "lambda/durable": "true"},
            sync("protocol", durable="true"),
            sync("doze"),
        )
    ]
    eventually(lambda: aws.busy("doze"), "the last runs")
    for run_id in runs[:2]:
        accepted = partial(lambda run_id: not dagster.waits_for(run_id), run_id)
        eventually(accepted, "it was accepted")
    before = {run_id: len(dagster.instance.all_logs(run_id)) for run_id in runs}
    canceled = partial(
        cancel_backfill_runs_and_cancellation_complete,
        dagster.instance,
        "everything",
        logging.getLogger("backfill"),
    )
    # As Dagster's backfill daemon does, once in each of its turns.
    eventually(canceled, "the backfill is canceled", seconds=20)
    for run_id in runs:
        assert dagster.run(run_id).status is DagsterRunStatus.CANCELED
        assert len(dagster.instance.all_logs(run_id)) - before[run_id] <= 6


ENDS: dict[str, Callable[[Dagster, str], object]] = {
    "canceled": lambda dagster, run_id: dagster.instance.report_run_canceled(dagster.run(run_id)),
    "failed": lambda dagster, run_id: dagster.instance.report_run_failed(dagster.run(run_id)),
    "deleted": lambda dagster, run_id: dagster.instance.delete_run(run_id),
}


@pytest.mark.parametrize("function", ["protocol", "patient"])
@pytest.mark.parametrize("how", ENDS)
def test_workflow_of_a_run_that_somebody_ended_is_canceled(
    how: str, function: str, dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync(function, durable="true"))
    eventually(lambda: aws.records("protocol", run_id) or aws.busy(function), "it was invoked")
    ENDS[how](dagster, run_id)
    eventually(lambda: not dagster.waits_for(run_id), "the launcher is done with it")
    assert "cancel" in requests(aws, run_id, function)
    run = dagster.instance.get_run_by_id(run_id)
    expected = {"canceled": "CANCELED", "failed": "FAILURE", "deleted": None}[how]
    assert (run and run.status.value) == expected


def test_cancel_that_another_process_asked_for_is_sent_by_the_one_that_waits(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("tireless", durable="true"))
    eventually(lambda: aws.busy("tireless"), "it was invoked")
    # As another process does: all it changes is the status.
    dagster.instance.report_run_canceling(dagster.run(run_id))
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
    assert requests(aws, run_id, "tireless")[0] == "cancel"


def test_cancel_waits_for_a_function_that_has_no_room_for_it(
    dagster: Dagster, aws: Lambda, state: Path
) -> None:
    aws.add(
        "crowded", "protocol", environment={"STATE": str(state), "PATIENCE": "2"}, concurrency=1
    )
    run_id = dagster.launch(sync("crowded", durable="true"), cancel_timeout_seconds=1)
    eventually(lambda: aws.busy("crowded"), "it was invoked")
    assert dagster.launcher(cancel_timeout_seconds=1).terminate(run_id)
    # As run monitoring does with a run that takes too long to cancel.
    dagster.instance.report_run_canceled(dagster.run(run_id))
    eventually(lambda: not dagster.waits_for(run_id), "the launcher is done with it")
    assert "cancel" in requests(aws, run_id, "crowded")
    assert dagster.run(run_id).status is DagsterRunStatus.CANCELED


def test_run_whose_process_is_gone_is_canceled_by_the_one_that_is_asked(
    dagster: Dagster, aws: Lambda, state: Path
) -> None:
    gone = replace(RunLease.here(""), started="1", phase="invoked", until=0)
    cases: list[tuple[Phase, str]] = [("queued", "true"), ("invoked", "true"), ("invoked", "false")]
    for phase, durable in cases:
        tags = sync("protocol", durable=durable)
        run_id = dagster.create(tags, status=DagsterRunStatus.STARTED).run_id
        tag = replace(gone, run_id=run_id, phase=phase).tag()
        dagster.instance.add_run_tags(run_id, {WAITER: tag})
        (state / f"{run_id}.begun").touch()
        assert dagster.launcher().terminate(run_id)
        assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
        asked = phase == "invoked" and durable == "true"
        assert requests(aws, run_id) == (["cancel"] if asked else [])


def test_canceled_run_stays_canceled_whatever_its_function_answers(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("nap"))
    eventually(lambda: aws.busy("nap"), "it runs")
    dagster.instance.report_run_canceled(dagster.run(run_id))
    eventually(lambda: REQUEST_ID in dagster.run(run_id).tags, "its answer has come")
    eventually(lambda: not dagster.waits_for(run_id), "the launcher is done with it")
    assert dagster.run(run_id).status is DagsterRunStatus.CANCELED
    assert not dagster.messages(run_id, DagsterEventType.RUN_SUCCESS)
    assert "The run had ended in Dagster before nap did" in dagster.log(run_id)


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
    assert "cancel" in requests(aws, run_id)


def test_run_that_waits_for_its_turn_is_never_invoked(dagster: Dagster, aws: Lambda) -> None:
    first = dagster.launch(sync("doze"), max_concurrent_waits=1)
    second = dagster.launch(sync("doze"), max_concurrent_waits=1)
    assert dagster.run(second).status is DagsterRunStatus.STARTED
    assert dagster.launcher().terminate(second)
    assert dagster.run(second).status is DagsterRunStatus.CANCELED
    dagster.succeeded(first)
    assert not aws.records("doze", second)
