"""Runs on Lambda: what is sent, what is reported, and what is never done twice."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterEventType, DagsterRunStatus
from dagster_shared.record import copy

from temporal_lambda.dagster.dagster_internals import (
    DagsterLaunchFailedError,
    LaunchRunContext,
)
from temporal_lambda.dagster.launching.tags import EXECUTED_VERSION, FUNCTION, REQUEST_ID
from tests.dagster import jobs
from tests.dagster.dagster_fixtures import Dagster, Lambda, eventually, sent, sync

pytestmark = pytest.mark.server

CONFIG = {"ops": {"op_a": {"config": {"x": 1}}, "op_b": {"config": {"deep": {"y": [1, "ü"]}}}}}


def test_sync_run_succeeds_with_the_result_as_metadata(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch(sync("echo", payload_mode="ops_only"), CONFIG)
    run = dagster.succeeded(run_id)
    assert dagster.result(run_id) == CONFIG["ops"]
    assert run.tags[FUNCTION] == "echo"
    assert run.tags[EXECUTED_VERSION] == "$LATEST"
    (record,) = [r for r in aws.records("echo") if r.request_id == run.tags[REQUEST_ID]]
    assert record.invocation_type == "RequestResponse"


def test_launch_leaves_the_context_of_its_caller_as_it_is(dagster: Dagster) -> None:
    # Dagster keeps something of an instance there, which must not be that of a run's own.
    before = dict(copy_context().items())
    dagster.succeeded(dagster.launch(sync("echo")))
    assert dict(copy_context().items()) == before


def test_event_run_succeeds_once_it_is_accepted(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch({"lambda/function_name": "echo"}, CONFIG)
    run = dagster.succeeded(run_id)
    (message,) = dagster.messages(run_id, DagsterEventType.RUN_SUCCESS)
    assert "accepted, not awaited" in message
    (record,) = eventually(lambda: aws.records("echo", run_id), "the function ran")
    assert record.invocation_type == "Event"
    assert record.request_id == run.tags[REQUEST_ID]
    assert sent(record)["run_config"] == CONFIG


def test_external_event_run_stays_started(dagster: Dagster, aws: Lambda) -> None:
    run_id = dagster.launch({"lambda/function_name": "echo", "lambda/external": "true"})
    eventually(lambda: aws.records("echo", run_id), "the function ran")
    eventually(lambda: not dagster.waits_for(run_id), "it is not waited for")
    health = dagster.launcher().check_run_worker_health(dagster.run(run_id))
    assert (health.status.value, health.msg) == ("RUNNING", "to be finished from outside")
    assert dagster.run(run_id).status is DagsterRunStatus.STARTED


def test_arn_is_invoked_in_its_own_region(dagster: Dagster, aws: Lambda) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:echo"
    sync = {"lambda/invocation_type": "RequestResponse"}
    run_id = dagster.launch({"lambda/function_arn": arn, **sync})
    assert dagster.succeeded(run_id).tags[FUNCTION] == arn
    elsewhere = {
        "lambda/function_arn": arn.replace("us-east-1", "eu-west-1"),
        "lambda/invocation_type": "RequestResponse",
    }
    assert "Function not found" in dagster.failed(dagster.launch(elsewhere))


def test_exception_of_the_handler_fails_the_run_with_its_stack_and_log(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("fail"))
    assert "ValueError: handler broke" in dagster.failed(run_id)
    (failure,) = dagster.instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event
    error = failure.dagster_event.job_failure_data.error
    assert error
    assert error.cls_name == "ValueError"
    assert "raise ValueError" in "".join(error.stack)
    assert "REPORT RequestId" in dagster.log(run_id)
    assert "db://me:[redacted]@host" in dagster.log(run_id)
    assert "hunter2" not in dagster.log(run_id)
    assert len(aws.records("fail", run_id)) == 1


def test_error_status_fails_the_run_unless_it_may_not(dagster: Dagster) -> None:
    message = dagster.failed(dagster.launch(sync("fail_with_status")))
    assert message.endswith("the function answered with status 500: no such bucket")
    dagster.succeeded(dagster.launch(sync("fail_with_status"), fail_on_error_status=False))


@pytest.mark.parametrize(
    ("function", "error"),
    [("exit", "Runtime.ExitError"), ("oversleeps", "Sandbox.Timedout")],
)
def test_death_of_a_plain_function_fails_the_run(
    function: str, error: str, dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync(function))
    assert error in dagster.failed(run_id)
    assert len(aws.records(function, run_id)) == 1


def test_death_under_a_durable_run_is_followed_by_another_invocation(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("exit_once", durable="true"))
    dagster.succeeded(run_id)
    assert len(aws.records("exit_once", run_id)) == 2
    run_id = dagster.launch(sync("exit", durable="true"))
    assert "Runtime.ExitError" in dagster.failed(run_id)
    assert len(aws.records("exit", run_id)) == 4


def test_unknown_function_fails_the_run(dagster: Dagster) -> None:
    for tags in (sync("nobody"), {"lambda/function_name": "nobody"}):
        message = dagster.failed(dagster.launch(tags))
        assert "AWS refused to invoke nobody" in message
        assert "Function not found" in message


def test_throttled_invocations_are_tried_again_and_run_once(dagster: Dagster, aws: Lambda) -> None:
    for tags in (sync("echo"), {"lambda/function_name": "echo"}):
        aws.throttle(2)
        run_id = dagster.launch(tags)
        dagster.succeeded(run_id)
        eventually(partial(aws.records, "echo", run_id), "the function ran")
        assert len(aws.records("echo", run_id)) == 1


def test_throttling_is_borne_for_a_limited_time(dagster: Dagster, aws: Lambda) -> None:
    aws.throttle(1)
    run_id = dagster.launch(sync("echo"), throttle_timeout_seconds=0)
    assert "TooManyRequestsException" in dagster.failed(run_id)
    assert not aws.records("echo", run_id)


def test_slow_function_is_invoked_once_whatever_the_environment_says_of_retries(
    dagster: Dagster, aws: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    aws.add("slow", "nap", environment={"NAP": "2"})
    run_id = dagster.launch(sync("slow"), read_timeout_seconds=1)
    assert "read_timeout_seconds" in dagster.failed(run_id)
    eventually(lambda: aws.records("slow", run_id), "the function has ended")
    assert len(aws.records("slow", run_id)) == 1
    assert not aws.busy("slow")


def test_run_that_is_not_done_is_invoked_again_until_it_is(
    dagster: Dagster, aws: Lambda, state: Path
) -> None:
    run_id = dagster.launch(sync("protocol"))
    eventually(lambda: len(aws.records("protocol", run_id)) == 2, "it was invoked again")
    (state / f"{run_id}.done").touch()
    dagster.succeeded(run_id)
    assert dagster.result(run_id) == {"ops_processed": 1}
    payloads = [sent(record) for record in aws.records("protocol", run_id)]
    assert all(payload == payloads[0] for payload in payloads)


def test_plain_function_that_says_running_of_something_else_is_invoked_once(
    dagster: Dagster, aws: Lambda
) -> None:
    run_id = dagster.launch(sync("queue"))
    dagster.succeeded(run_id)
    assert dagster.result(run_id) == {"status": "running", "job": 7}
    assert len(aws.records("queue", run_id)) == 1


def test_materializations_in_a_result_are_reported(dagster: Dagster) -> None:
    run_id = dagster.launch(sync("materialize"))
    dagster.succeeded(run_id)
    (of_op,) = dagster.instance.fetch_materializations(AssetKey(["a", "b"]), limit=1).records
    assert of_op.run_id == run_id
    assert of_op.asset_materialization
    assert of_op.asset_materialization.metadata["rows"].value == 3
    (of_run,) = dagster.instance.fetch_materializations(AssetKey(["c", "d"]), limit=1).records
    assert of_run.partition_key == "2026-01-09"
    assert "A materialization was left out: asset_key must be" in dagster.log(run_id)


def test_log_of_a_function_stays_out_of_the_event_log_where_it_should(dagster: Dagster) -> None:
    run_id = dagster.launch(sync("fail"), function_log=False)
    assert "ValueError: handler broke" in dagster.failed(run_id)
    assert "REPORT RequestId" not in dagster.log(run_id)


def test_success_materializes_what_was_planned_where_it_should(dagster: Dagster) -> None:
    monday = {"dagster/partition": "monday"}
    cases: list[tuple[dict[str, str], dict[str, Any], int]] = [
        ({}, {}, 0),
        ({"materialize_planned": "true"}, {}, 2),
        ({}, {"materialize_planned": True}, 2),
        ({"materialize_planned": "false"}, {"materialize_planned": True}, 0),
    ]
    for tag, config, expected in cases:
        tags = {**sync("echo", **tag), **monday}
        run_id = dagster.launch(tags, job=jobs.shop, **config)
        dagster.succeeded(run_id)
        found = dagster.instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        partitions = [entry.dagster_event and entry.dagster_event.partition for entry in found]
        assert partitions == ["monday"] * expected, (tag, config)


def test_materializations_that_a_function_reports_are_all_there_are(dagster: Dagster) -> None:
    run_id = dagster.launch(sync("materialize", materialize_planned="true"), job=jobs.shop)
    dagster.succeeded(run_id)
    found = dagster.messages(run_id, DagsterEventType.ASSET_MATERIALIZATION)
    assert len(found) == 2
    record = dagster.instance.get_latest_materialization_event(AssetKey(["shop", "orders"]))
    assert record is None or record.run_id != run_id


def test_large_result_is_cut_off_in_the_log(dagster: Dagster) -> None:
    run_id = dagster.launch(sync("big"))
    dagster.succeeded(run_id)
    assert dagster.result(run_id).endswith("x… (200002 characters in all)")


@pytest.mark.parametrize(
    ("tags", "config", "message"),
    [
        ({}, {}, "no function to invoke"),
        (sync("echo", payload_mode="some"), {}, "allowed are full, config_only, ops_only, custom"),
        (
            sync("echo", payload_mode="custom", payload_config_path="ops.op_x.config"),
            {},
            "the run config has no 'op_x' there: ops has op_a, op_b",
        ),
        (sync("echo"), {"max_sync_payload_bytes": 100}, "max_sync_payload_bytes"),
        (
            {"lambda/function_name": "echo"},
            {"max_async_payload_bytes": 100},
            "Event takes 100",
        ),
    ],
)
def test_what_can_not_be_launched_is_refused_before_the_run_starts(
    tags: dict[str, str], config: dict[str, Any], message: str, dagster: Dagster
) -> None:
    with pytest.raises(DagsterLaunchFailedError, match=message):
        dagster.launch(tags, CONFIG, **config)
    (run,) = dagster.instance.get_runs(limit=1)
    assert not dagster.messages(run.run_id, DagsterEventType.RUN_START)


def test_payload_says_which_steps_are_selected_where_those_are_not_all(
    dagster: Dagster, aws: Lambda
) -> None:
    for keys, selection in ((["extract"], ["extract"]), (["extract", "load", "transform"], None)):
        run = dagster.create(sync("echo"), job=jobs.in_order)
        limited = copy(run, step_keys_to_execute=keys)
        dagster.launcher().launch_run(LaunchRunContext(limited, None))
        dagster.succeeded(run.run_id)
        (record,) = aws.records("echo", run.run_id)
        assert sent(record)["dagster_run"]["step_selection"] == selection


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, "need outputs of an earlier run that are not known .transform: no run before"),
        ({"lambda/payload_mode": "config_only"}, "only a part of job in_order was selected"),
    ],
)
def test_selected_steps_that_the_function_could_not_run_are_refused(
    tags: dict[str, str], message: str, dagster: Dagster, aws: Lambda
) -> None:
    run = dagster.create({**sync("echo"), **tags}, job=jobs.in_order)
    limited = copy(run, step_keys_to_execute=["load"])
    with pytest.raises(DagsterLaunchFailedError, match=message):
        dagster.launcher().launch_run(LaunchRunContext(limited, None))
    assert not aws.records("echo", run.run_id)


def test_launch_error_of_a_coordinator_fails_the_run(dagster: Dagster) -> None:
    run = dagster.create({"lambda/function_name": "echo", "lambda/payload_mode": "some"})
    with pytest.raises(DagsterLaunchFailedError):
        dagster.instance.launch_run(run.run_id, None)  # type: ignore[arg-type] # It is not used.
    dagster.failed(run.run_id)
    assert "allowed are full, config_only, ops_only, custom" in dagster.log(run.run_id)
