"""What a workflow awaits of others, and which tasks are on their way to it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.exceptions import ApplicationError

from temporal_lambda.tracking.returns import AWAITED, FOLLOWS, KnownReturns
from tests.support.activations import activation, answers, asks, attempt, completion, fails
from tests.support.clock import Clock


@pytest.mark.parametrize(("command", "job"), AWAITED.items())
def test_workflow_awaits_what_others_do_until_the_answer_comes(
    command: str, job: str, returns: KnownReturns
) -> None:
    returns.workflow_advanced(activation(), asks(command))
    assert returns.awaits_others
    returns.workflow_advanced(answers(job, seq=8), completion())
    assert returns.awaits_others
    returns.workflow_advanced(answers(job), completion())
    assert not returns.awaits_others


@pytest.mark.parametrize(
    ("ends", "follows"),
    [("succeeds", True), ("fails for good", True), ("fails", False), ("is another's", False)],
)
def test_workflow_task_that_follows_an_activity_is_on_its_way_until_it_comes(
    ends: str, follows: bool, returns: KnownReturns, clock: Clock
) -> None:
    returns.workflow_advanced(activation(), schedules("the activity"))
    ended = attempt(
        workflow_run_id="run", activity_id="the activity", schedule_to_close_timeout=None
    )
    if ends == "succeeds":
        returns.activity_ended(ended)
    elif ends == "is another's":
        returns.activity_ended(dataclasses.replace(ended, activity_id="another"))
    else:
        error = ApplicationError(
            "", non_retryable=ends == "fails for good", next_retry_delay=timedelta(minutes=1)
        )
        returns.attempt_failed(ended, error)
    clock.now += FOLLOWS / 2
    assert returns.is_near() == follows
    returns.workflow_advanced(answers("resolve_activity"), completion())
    assert not returns.is_near()


def test_workflow_task_that_does_not_follow_holds_nobody(
    returns: KnownReturns, clock: Clock
) -> None:
    returns.workflow_advanced(activation(), schedules("the activity"))
    returns.activity_ended(attempt(workflow_run_id="run", activity_id="the activity"))
    clock.now += FOLLOWS
    assert not returns.is_near()


@pytest.mark.parametrize("gone", ["evicted", "over"])
def test_workflow_that_is_gone_gets_no_task_here(gone: str, returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), schedules("the activity"))
    returns.activity_ended(attempt(workflow_run_id="run", activity_id="the activity"))
    if gone == "evicted":
        returns.workflow_advanced(activation(evicts=True), completion())
    else:
        returns.workflow_advanced(activation(), completion(ends="fail_workflow_execution"))
    assert not returns.is_near()


def schedules(activity_id: str) -> WorkflowActivationCompletion:
    made = asks("schedule_activity")
    made.successful.commands[0].schedule_activity.activity_id = activity_id
    return made


def test_child_that_could_not_be_started_is_not_awaited(returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), asks("start_child_workflow_execution"))
    started = activation()
    job = started.jobs.add().resolve_child_workflow_execution_start
    job.seq = 7
    job.succeeded.run_id = "child"
    returns.workflow_advanced(started, completion())
    assert returns.awaits_others
    job.failed.SetInParent()
    returns.workflow_advanced(started, completion())
    assert not returns.awaits_others


def test_activity_that_waits_for_its_retry_is_known_and_not_awaited(
    returns: KnownReturns,
) -> None:
    returns.workflow_advanced(activation(), asks("schedule_activity"))
    returns.attempt_failed(attempt(), ValueError())
    assert not returns.awaits_others


@pytest.mark.parametrize("end", ["evicted", "over"])
def test_run_that_is_gone_awaits_nothing(end: str, returns: KnownReturns) -> None:
    returns.workflow_advanced(activation(), asks("schedule_activity"))
    if end == "evicted":
        returns.workflow_advanced(activation(evicts=True), completion())
    else:
        returns.workflow_advanced(activation(), completion(ends="fail_workflow_execution"))
    assert not returns.awaits_others


def begins(run: str, *, after: str = "") -> WorkflowActivation:
    made = WorkflowActivation(run_id=run)
    made.jobs.add().initialize_workflow.continued_from_execution_run_id = after
    return made


@pytest.mark.parametrize(
    ("end", "next_run"),
    [
        (completion(ends="continue_as_new_workflow_execution"), "next run"),
        (fails(), "run"),
    ],
    ids=["continued as new", "task failed"],
)
def test_task_that_the_server_sends_at_once_is_awaited_until_it_comes(
    end: WorkflowActivationCompletion, next_run: str, returns: KnownReturns
) -> None:
    returns.workflow_advanced(activation(), end)
    returns.workflow_advanced(activation(evicts=True), completion())
    returns.workflow_advanced(begins("another"), completion())
    assert returns.awaits_others
    returns.workflow_advanced(begins(next_run, after="run"), completion())
    assert not returns.awaits_others
