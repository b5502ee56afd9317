"""What a launcher makes of answers that a local function hardly ever gives."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from dagster import DagsterEventType, DagsterRunStatus

from temporal_lambda.dagster.dagster_internals import (
    DagsterLaunchFailedError,
    LaunchRunContext,
)
from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching import pauses
from temporal_lambda.dagster.launching.config import LauncherConfig
from tests.dagster.dagster_fixtures import Dagster, eventually, sync
from tests.dagster.scripted import (
    DONE,
    RUNNING,
    Does,
    Scripted,
    answer,
    error,
    launch,
    launcher,
    refused,
    says,
)

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    "trouble",
    [
        error(errorType="RuntimeError", errorMessage="Failed client connect"),
        error(errorMessage="2026-01-09T12:00:00Z id Task timed out after 3.00 seconds"),
        error(errorType="Runtime.OutOfMemory", errorMessage="killed"),
        refused(429, "TooManyRequestsException"),
        refused(404, "ResourceNotFoundException"),
        ReadTimeoutError(endpoint_url="here"),
    ],
)
def test_trouble_of_one_invocation_ends_no_workflow(trouble: Does, dagster: Dagster) -> None:
    client = Scripted(RUNNING, trouble, DONE)
    run_id = launch(dagster, client, {"throttle_timeout_seconds": 0}, durable="true")
    dagster.succeeded(run_id)
    assert "An invocation was lost; the run goes on in the next" in dagster.log(run_id)
    assert client.requests == ["run"] * 3


@pytest.mark.parametrize(
    ("kind", "requests"),
    [
        # Ops have run, and their workflow tells what became of each.
        ("RunFailedError", ["run", "run", "status"]),
        ("PayloadError", ["run", "run"]),
    ],
)
def test_what_a_durable_handler_raises_about_its_run_fails_it(
    kind: str, requests: list[str], dagster: Dagster
) -> None:
    failed = error(errorType=kind, errorMessage="op load broke")
    client = Scripted(RUNNING, failed, says(500, "error", error="op load broke"))
    assert "op load broke" in dagster.failed(launch(dagster, client, {}, durable="true"))
    assert client.requests == requests


@pytest.mark.parametrize(
    "trouble",
    [
        error(errorMessage="Task timed out after 3.00 seconds"),
        error(errorType="Runtime.OutOfMemory", errorMessage="killed"),
    ],
)
def test_end_of_the_first_invocation_is_none_of_a_durable_run(
    trouble: Does, dagster: Dagster
) -> None:
    dagster.succeeded(launch(dagster, Scripted(trouble, DONE), {}, durable="true"))


def test_trouble_that_lasts_fails_the_run_in_the_end(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "PAUSE_SECONDS", 0.01)
    # The body of an answer is read once, and this one is given again and again.
    client = Scripted(RUNNING, lambda _: error(errorType="RuntimeError", errorMessage="no route"))
    message = dagster.failed(launch(dagster, client, {}, durable="true"))
    assert "no route" in message
    assert "workflow may still be running" in message
    assert len(client.requests) == 1 + 1 + pauses.MAX_LOST


def test_health_of_a_run_does_not_depend_on_aws_being_there(dagster: Dagster) -> None:
    run = dagster.create(sync("f", durable="true"), status=DagsterRunStatus.STARTED)

    def unreachable(*_: Any) -> Any:
        raise refused(500, "InternalFailure")

    own = LambdaRunLauncher(LauncherConfig(), client_factory=unreachable)
    own.register_instance(dagster.instance)
    found = own.check_run_worker_health(run)
    assert found.status.value == "RUNNING"
    assert "InternalFailure" in (found.msg or "")
    assert "attached to" not in dagster.log(run.run_id)


def test_function_that_names_its_workflow_makes_an_untagged_run_durable(dagster: Dagster) -> None:
    client = Scripted(RUNNING, error(errorType="Runtime.ExitError", errorMessage="gone"), DONE)
    run_id = launch(dagster, client, {})
    assert dagster.succeeded(run_id).tags["lambda/durable"] == "true"


def test_untagged_run_that_turned_out_durable_is_canceled_in_lambda(dagster: Dagster) -> None:
    client = Scripted(RUNNING, RUNNING, says(200, "canceled"))
    run = dagster.create(sync("f"))

    def invoked(run_id: str) -> dict[str, Any]:
        dagster.instance.report_run_canceling(dagster.run(run_id))
        return RUNNING(run_id)

    client.does[1] = invoked
    launcher(dagster, client).launch_run(LaunchRunContext(run, None))
    assert dagster.finished(run.run_id).status is DagsterRunStatus.CANCELED
    assert client.requests[:2] == ["run", "run"]
    # While the second is under way, and when that has ended.
    assert set(client.requests[2:]) == {"cancel"}
    assert "before the function was invoked" not in dagster.log(run.run_id)


def test_run_of_no_workflow_is_not_said_to_be_canceled_before_it_was_invoked(
    dagster: Dagster,
) -> None:
    def invoked(run_id: str) -> dict[str, Any]:
        dagster.instance.report_run_canceling(dagster.run(run_id))
        body = {"run_id": run_id, "status": "running"}
        return answer({"statusCode": 202, "body": body})

    run_id = launch(dagster, Scripted(invoked), {})
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
    assert "Canceled between two invocations: f is not invoked again" in dagster.log(run_id)


def test_build_that_has_to_go_on_with_a_run_is_named_once(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "PINNED_PAUSE_SECONDS", 0.01)
    elsewhere = says(202, "running", pinned_to="1.0")
    run_id = launch(dagster, Scripted(*[elsewhere] * 5, RUNNING, DONE), {}, durable="true")
    dagster.succeeded(run_id)
    notes = dagster.messages(run_id, DagsterEventType.ENGINE_EVENT)
    assert sum("Build 1.0 is needed to go on" in note for note in notes) == 1


QUOTED = (
    "The Canonical String should have been 'POST\\nhost:aws\\nx-amz-security-token:t0ken\\n', "
    "Credential=AKIA/2026, Signature=5f5f"
)


def test_no_token_that_aws_quotes_is_shown(dagster: Dagster) -> None:
    mismatch = refused(403, "SignatureDoesNotMatch", QUOTED)
    run_id = launch(dagster, Scripted(mismatch), {})
    message = dagster.failed(run_id)

    def no_role(*_: Any) -> Any:
        raise mismatch

    own = LambdaRunLauncher(LauncherConfig(), client_factory=no_role)
    own.register_instance(dagster.instance)
    with pytest.raises(DagsterLaunchFailedError) as raised:
        own.launch_run(LaunchRunContext(dagster.create(sync("f")), None))
    shown = "".join(traceback.format_exception(raised.value))
    for text in (message, dagster.log(run_id), shown):
        assert "SignatureDoesNotMatch" in text
        assert "[redacted]" in text
        assert not any(secret in text for secret in ("t0ken", "AKIA", "5f5f"))


def test_client_that_can_not_be_made_for_a_while_ends_no_workflow(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Scripted(RUNNING, DONE)
    made = iter([client, client, None, client])

    def sometimes(*_: Any) -> Any:
        if (found := next(made)) is None:
            raise refused(500, "InternalFailure")
        return found

    own = launcher(dagster, client)
    monkeypatch.setattr(own._dispatcher.clients, "get", sometimes)
    run = dagster.create(sync("f", durable="true"))
    own.launch_run(LaunchRunContext(run, None))
    dagster.succeeded(run.run_id)


def test_launcher_forgets_runs_that_have_ended(dagster: Dagster) -> None:
    own = launcher(dagster, Scripted(DONE))
    for _ in range(3):
        run = dagster.create(sync("f", durable="true"))
        own.launch_run(LaunchRunContext(run, None))
        own.join(20)
    assert list(own._dispatcher.run_ids) == [run.run_id]


def test_throttled_run_is_canceled_as_one_that_was_not_invoked(dagster: Dagster) -> None:
    client = Scripted(refused(429, "TooManyRequestsException"))
    own = launcher(dagster, client)
    run_id = dagster.create(sync("f")).run_id
    own.launch_run(LaunchRunContext(dagster.run(run_id), None))
    eventually(lambda: client.requests, "it was refused")
    eventually(lambda: own.terminate(run_id), "it is between two attempts")
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
    assert "Canceled before the function was invoked" in dagster.log(run_id)


def test_cancel_request_without_an_answer_is_sent_again(dagster: Dagster) -> None:
    client = Scripted(ReadTimeoutError(endpoint_url="here"))
    own = launcher(dagster, client)
    run_id = dagster.create(sync("f", durable="true"), status=DagsterRunStatus.STARTED).run_id
    assert own.terminate(run_id)
    eventually(lambda: "f did not answer in time" in dagster.log(run_id), "that is noted")
    assert dagster.run(run_id).status is DagsterRunStatus.CANCELING
    client.does = [says(200, "canceled")]
    assert dagster.finished(run_id).status is DagsterRunStatus.CANCELED
