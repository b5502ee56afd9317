"""Answers that functions leave in S3, for runs whose waiting process is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from dagster import DagsterRunStatus
from moto.server import ThreadedMotoServer

from temporal_lambda.dagster.dagster_internals import DagsterLaunchFailedError
from temporal_lambda.dagster.launching import result_records
from temporal_lambda.dagster.launching.lease import RunLease
from temporal_lambda.dagster.launching.result_records import record_address
from temporal_lambda.dagster.launching.tags import WAITER
from temporal_lambda.errors import SettingsError
from tests.dagster.dagster_fixtures import Dagster, Lambda, aws_values, eventually, sync

pytestmark = pytest.mark.server

RECORDS = "s3://results/dagster"


class Bucket:
    """A bucket on an S3 of this machine."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        self._client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
        self._client.create_bucket(Bucket="results")

    def leave(self, run_id: str, answer: Any) -> None:
        """What a function does before it returns."""
        body = json.dumps(answer).encode()
        self._client.put_object(Bucket="results", Key=f"dagster/{run_id}.json", Body=body)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield Bucket(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def options(bucket: Bucket, aws: Lambda) -> dict[str, Any]:
    """Configuration of a launcher that looks for records."""
    values = {**aws_values(aws.endpoint), "s3_endpoint_url": bucket.endpoint}
    return {"aws": values, "result_records": RECORDS}


def abandoned(dagster: Dagster, ago: float = 0, **more: str) -> str:
    """A run that was invoked by a process that died so many seconds ago."""
    run_id = dagster.create(sync("echo", **more), status=DagsterRunStatus.STARTED).run_id
    lease = RunLease.here(run_id, "invoked")
    gone = replace(lease, started="1", until=lease.until - ago)
    dagster.instance.add_run_tags(run_id, {WAITER: gone.tag()})
    return run_id


def health(dagster: Dagster, run_id: str, options: dict[str, Any]) -> tuple[str, str]:
    launcher = dagster.launcher(**options)
    result = launcher.check_run_worker_health(dagster.run(run_id))
    return result.status.value, result.msg or ""


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"copied": 3}, DagsterRunStatus.SUCCESS),
        ({"statusCode": 500, "body": "no bucket"}, DagsterRunStatus.FAILURE),
    ],
)
def test_run_ends_by_the_answer_that_its_function_has_left(
    answer: Any, status: DagsterRunStatus, dagster: Dagster, bucket: Bucket, options: dict[str, Any]
) -> None:
    run_id = abandoned(dagster)
    bucket.leave(run_id, answer)
    assert health(dagster, run_id, options) == ("SUCCESS", "done in Lambda")
    assert dagster.run(run_id).status is status
    assert "is gone; echo left its answer" in dagster.log(run_id)


def test_run_fails_only_when_its_function_can_not_be_at_work_any_more(
    dagster: Dagster, options: dict[str, Any]
) -> None:
    assert health(dagster, abandoned(dagster), options) == (
        "RUNNING",
        "its function may still be at work",
    )
    status, message = health(dagster, abandoned(dagster, ago=2000), options)
    assert status == "FAILED"
    assert "may have done its work" in message
    # A function that gets no address leaves nothing.
    assert health(dagster, abandoned(dagster, payload_mode="ops_only"), options)[0] == "FAILED"


def test_external_run_of_a_plain_function_ends_by_the_answer_it_has_left_with_its_steps(
    dagster: Dagster, bucket: Bucket, options: dict[str, Any]
) -> None:
    tags = {"lambda/function_name": "echo", "lambda/external": "true"}
    run_id = dagster.launch(tags, **options)
    eventually(lambda: not dagster.waits_for(run_id), "AWS has accepted it")
    assert health(dagster, run_id, options) == ("RUNNING", "to be finished from outside")
    step = {"op": "op_a", "status": "success", "attempt": 1, "start": 1767960000.0, "output": 1}
    body = {"run_id": run_id, "status": "success", "result": 1, "steps": [step]}
    bucket.leave(run_id, {"statusCode": 200, "body": json.dumps(body)})
    assert health(dagster, run_id, options) == ("SUCCESS", "done in Lambda")
    assert dagster.run(run_id).status is DagsterRunStatus.SUCCESS
    assert [one.step_key for one in dagster.instance.get_run_step_stats(run_id)] == ["op_a"]


def test_records_that_can_not_be_read_end_no_run(
    dagster: Dagster, bucket: Bucket, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    run_id = abandoned(dagster, ago=2000)
    nowhere = {**options, "aws": {**options["aws"], "s3_endpoint_url": "http://127.0.0.1:9"}}
    status, message = health(dagster, run_id, nowhere)
    assert (status, "can't be read" in message) == ("RUNNING", True)
    bucket.leave(run_id, "x" * 100)
    monkeypatch.setattr(result_records, "MAX_BYTES", 50)
    status, message = health(dagster, run_id, options)
    assert (status, "has 102 bytes; at most 50" in message) == ("RUNNING", True)


def test_function_is_told_where_to_leave_its_answer(
    dagster: Dagster, options: dict[str, Any]
) -> None:
    run_id = dagster.launch(sync("echo"), **options)
    dagster.succeeded(run_id)
    record = dagster.result(run_id)["metadata"]["result_record"]
    assert record == f"s3://results/dagster/{run_id}.json"
    with pytest.raises(DagsterLaunchFailedError, match="result_records must be s3://"):
        dagster.launch(sync("echo"), result_records="results")


@pytest.mark.parametrize("records", ["s3://results", "s3://results/", "s3://results//"])
def test_prefix_may_be_empty(records: str) -> None:
    assert record_address(records, "9d6c") == "s3://results/9d6c.json"


@pytest.mark.parametrize("records", ["results", "s3://", "https://results/dagster"])
def test_address_of_something_else_is_refused(records: str) -> None:
    with pytest.raises(SettingsError, match="must be s3://<bucket>/<prefix>"):
        record_address(records, "9d6c")
