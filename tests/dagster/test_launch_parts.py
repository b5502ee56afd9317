"""The parts of a launch that need no server: tags, payloads, answers, what is tried again."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from temporal_lambda.dagster.launching import invoke as invoking
from temporal_lambda.dagster.launching import materializations, outcome, payload, tags
from temporal_lambda.dagster.launching.config import AssumeRole, LauncherConfig
from temporal_lambda.dagster.launching.invoke import Answer, InvokeError, invoke
from temporal_lambda.dagster.launching.payload import RunFacts
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.errors import SettingsError

ARN = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:etl:live"


@pytest.mark.parametrize(
    ("given", "config", "launch"),
    [
        ({"lambda/function_name": "etl:7"}, {}, Launch("etl:7")),
        ({}, {"default_function_name": "etl"}, Launch("etl")),
        ({}, {"default_function_name": ARN}, Launch(ARN, "us-gov-west-1")),
        (
            {"lambda/function_name": "mine"},
            {"default_function_name": "etl", "default_invocation_type": "RequestResponse"},
            Launch("mine", invocation_type="RequestResponse"),
        ),
        (
            {"lambda/function_arn": ARN, "lambda/invocation_type": "Event"},
            {"default_invocation_type": "RequestResponse", "default_durable": True},
            Launch(ARN, "us-gov-west-1", durable=True),
        ),
        (
            {"lambda/function_name": "f", "lambda/durable": "false", "lambda/external": "true"},
            {"default_durable": True},
            Launch("f", external=True),
        ),
        (
            {
                "lambda/function_name": "f",
                "lambda/payload_mode": "custom",
                "lambda/payload_config_path": "ops",
                "lambda/waiter": "inherited",
                "team": "data",
            },
            {},
            Launch("f", payload_mode="custom", payload_config_path="ops"),
        ),
    ],
)
def test_tags_win_over_the_configuration(
    given: dict[str, str], config: dict[str, Any], launch: Launch
) -> None:
    assert tags.resolve(given, LauncherConfig.of(config)) == launch


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lambda/function_arn": ARN}, "lambda/function_name and lambda/function_arn are both set"),
        ({"lambda/function_name": ARN}, "an ARN goes into lambda/function_arn"),
        ({"lambda/invocation_type": "event"}, "allowed are Event, RequestResponse"),
        ({"lambda/payload_mode": "ops"}, "allowed are full, config_only, ops_only, custom"),
        ({"lambda/payload_mode": "custom"}, "needs the tag lambda/payload_config_path"),
        ({"lambda/payload_config_path": "ops"}, "only for lambda/payload_mode: custom"),
        ({"lambda/durable": "yes"}, "tag lambda/durable is 'yes'; allowed are true, false"),
        ({"lambda/external": "1"}, "tag lambda/external is '1'; allowed are true, false"),
        (
            {"lambda/durable": "true", "lambda/payload_mode": "ops_only"},
            "which needs 'full'",
        ),
        ({"lambda/invocation": "Event"}, "lambda/invocation is unknown; allowed are lambda/"),
    ],
)
def test_error_names_the_tag_and_what_is_allowed(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        tags.resolve({"lambda/function_name": "f", **given}, LauncherConfig())


@pytest.mark.parametrize(
    "arn", ["etl", "arn:aws:s3:::bucket", ARN.replace(":function:", ":layer:")]
)
def test_arn_of_something_else_is_refused(arn: str) -> None:
    with pytest.raises(SettingsError, match=r"lambda/function_arn is '.*'; allowed is arn:aws:"):
        tags.resolve({"lambda/function_arn": arn}, LauncherConfig())


def test_configuration_of_aws_is_taken_apart() -> None:
    role = {"role_arn": "r", "external_id": "e", "session_name": "s"}
    config = LauncherConfig.of({"aws": {"region": "eu-west-1", "assume_role": role}})
    assert config.aws.region == "eu-west-1"
    assert config.aws.assume_role == AssumeRole("r", "e", "s")


FACTS = RunFacts("9d6c", "etl", {"ops": {"a": {"config": {"x": 1}}, "b": {}}, "resources": {}})

NOW = datetime(2026, 1, 9, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("ops.c", "no 'c' there: ops has a, b"),
        ("op", "no 'op' there: the root has ops, resources"),
        ("ops.b.config", "no 'config' there: ops.b has nothing"),
        ("ops.a.config.x.y", "no 'y' there: ops.a.config.x is no dictionary but int"),
        ("ops..a", "no '' there: ops has a, b"),
    ],
)
def test_path_into_nowhere_is_reported_with_what_is_there(path: str, message: str) -> None:
    launch = Launch("f", payload_mode="custom", payload_config_path=path)
    with pytest.raises(SettingsError, match=re.escape(message)):
        payload.build(launch, FACTS, NOW)


def test_config_that_is_no_json_is_refused() -> None:
    for value in (float("nan"), NOW):
        facts = replace(FACTS, run_config={"ops": {"a": value}})
        with pytest.raises(SettingsError, match="config of job etl can't be sent as JSON"):
            payload.build(Launch("f"), facts, NOW)


@pytest.mark.parametrize(
    "launch",
    [
        Launch("f", payload_mode="ops_only"),
        Launch("f", payload_mode="config_only"),
        Launch("f", payload_mode="custom", payload_config_path="ops"),
        Launch("f", payload_mode="custom", payload_config_path="nothing"),
    ],
)
def test_empty_payload_is_refused_with_what_to_do(launch: Launch) -> None:
    empty: dict[str, Any] = (
        {} if launch.payload_mode == "config_only" else {"ops": {}, "nothing": None}
    )
    with pytest.raises(SettingsError, match=r"would be empty.*give the run a config"):
        payload.build(launch, RunFacts("9d6c", "etl", empty), NOW)
    assert payload.build(Launch("f"), RunFacts("9d6c", "etl", {}), NOW)


def test_full_payload_has_the_metadata_of_its_launch() -> None:
    built = json.loads(payload.build(Launch("f"), FACTS, NOW))
    assert built["metadata"]["launched_at"] == "2026-01-09T12:00:00+00:00"
    assert "job_graph" not in built


def test_size_is_checked_to_the_byte() -> None:
    payload.check_size(b"x" * 10, 10, Launch("f"))
    for launch, name in (
        (Launch("f"), "max_async_payload_bytes"),
        (Launch("f", invocation_type="RequestResponse"), "max_sync_payload_bytes"),
    ):
        with pytest.raises(SettingsError, match=f"has 11 bytes.* takes 10 .{name}"):
            payload.check_size(b"x" * 11, 10, launch)


def answered(value: Any, **more: Any) -> Answer:
    return Answer(200, "id", payload=json.dumps(value).encode(), **more)


def body(code: Any, **content: Any) -> dict[str, Any]:
    return {"statusCode": code, "body": json.dumps(content)}


@pytest.mark.parametrize(
    ("value", "kind", "result"),
    [
        (None, "success", None),
        ("text", "success", "text"),
        ({"copied": 3}, "success", {"copied": 3}),
        (body(200, status="success", result={"a": 1}), "success", {"a": 1}),
        (body(200, copied=3), "success", {"copied": 3}),
        ({"statusCode": 204}, "success", None),
        ({"statusCode": 200, "body": "plain"}, "success", "plain"),
        ({"statusCode": 200, "body": {"result": [1]}}, "success", [1]),
        ({"statusCode": True}, "success", {"statusCode": True}),
        (body(202, status="running", run_id="9d6c"), "running", None),
        (body(202, status="running"), "success", {"status": "running"}),
        (
            body(202, status="running", run_id="other"),
            "success",
            {"status": "running", "run_id": "other"},
        ),
        (body(202, status="running", workflow_id="w"), "failed", None),
        (body(202, status="running", run_id="other", workflow_id="w"), "failed", None),
        (body(202, queued=True), "success", {"queued": True}),
        (body(409, status="canceled", run_id="9d6c"), "canceled", None),
        (body(200, status="canceled", run_id="9d6c"), "canceled", None),
        (body(409, status="canceled"), "failed", None),
        (body(200, status="canceled"), "success", {"status": "canceled"}),
        ({"statusCode": "\u00b2"}, "success", {"statusCode": "\u00b2"}),
        (body(409, error="in use"), "failed", None),
        (body("404", error="gone"), "failed", None),
        (body(500), "failed", None),
    ],
)
def test_answers_and_what_they_mean(value: Any, kind: str, result: Any) -> None:
    found = outcome.interpret_answer(answered(value), "9d6c")
    assert (found.kind, found.result) == (kind, result)


def test_function_that_can_not_be_asked_again_says_how_it_could() -> None:
    found = outcome.interpret_answer(
        answered(body(202, status="running", workflow_id="dagster-w")), "9d6c"
    )
    assert "can be asked again only with payload_mode full" in found.message
    assert "dagster-w" in found.message


def test_error_of_an_answer_is_reported_as_far_as_there_is_one() -> None:
    prefix = "the function answered with status 500: "
    for value, error in (
        (body(500, error="no bucket"), "no bucket"),
        (body(500, error={"code": 7}), '{"code": 7}'),
        ({"statusCode": 500, "body": "no bucket"}, "no bucket"),
        ({"statusCode": 500}, "null"),
    ):
        assert outcome.interpret_answer(answered(value), "9d6c").message == prefix + error


def test_function_error_that_is_no_json_is_still_reported() -> None:
    found = outcome.interpret_answer(
        Answer(200, "id", payload=b"killed", function_error="Unhandled"), "9d6c"
    )
    assert (found.kind, found.message) == ("failed", "the function failed: Unhandled: killed")


@pytest.mark.parametrize("result", [None, "text", {"materializations": 3}, {"results": [1]}])
def test_results_of_functions_that_know_nothing_of_dagster_materialize_nothing(result: Any) -> None:
    assert materializations.find(result) == []


def test_broken_materializations_are_reported() -> None:
    for entry in ("text", {"asset_key": 3}, {"asset_key": "a", "metadata": [1]}):
        (found,) = materializations.find({"results": {"op": {"materializations": [entry]}}})
        assert found.materialization is None
        assert found.step_key == "op"
        assert found.problem


class Client:
    """Does what it is told to, one after the other."""

    def __init__(self, *does: Exception | dict[str, Any]) -> None:
        self.does = list(does)
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **asked: Any) -> Any:
        self.asked.append(asked)
        what = self.does.pop(0)
        if isinstance(what, Exception):
            raise what
        return what


def refused(status: int, code: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Invoke"
    )


def fine() -> dict[str, Any]:
    metadata = {"RequestId": "id"}
    return {"StatusCode": 200, "ResponseMetadata": metadata, "Payload": io.BytesIO(b"{}")}


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoking, "FIRST_PAUSE", 0.001)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "error",
    [
        refused(429, "TooManyRequestsException"),
        ConnectTimeoutError(endpoint_url="here"),
        EndpointConnectionError(endpoint_url="here"),
    ],
)
def test_what_has_not_reached_the_function_is_tried_again(error: Exception) -> None:
    client = Client(error, error, fine())
    assert invoke(client, "f", b"{}", "RequestResponse", 5).request_id == "id"
    assert len(client.asked) == 3

    client = Client(error, fine())
    with pytest.raises(InvokeError) as raised:
        invoke(client, "f", b"{}", "RequestResponse", 5, keep_trying=lambda: False)
    assert not raised.value.may_have_run
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("error", "may_have_run"),
    [
        (ReadTimeoutError(endpoint_url="here"), True),
        (ConnectionClosedError(endpoint_url="here"), True),
        (refused(500, "ServiceException"), True),
        (refused(404, "ResourceNotFoundException"), False),
        (refused(413, "RequestTooLargeException"), False),
        (NoCredentialsError(), False),
        (PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), False),
        (CredentialRetrievalError(provider="process", error_msg="exit 1"), False),
        (ParamValidationError(report="no such parameter"), False),
    ],
)
def test_what_may_have_reached_the_function_is_never_tried_again(
    error: Exception, may_have_run: bool
) -> None:
    client = Client(error, fine())
    with pytest.raises(InvokeError, match=r"\bf\b") as raised:
        invoke(client, "f", b"{}", "RequestResponse", 5)
    assert raised.value.may_have_run is may_have_run
    assert len(client.asked) == 1


def test_log_is_asked_for_where_there_is_one() -> None:
    client = Client(fine(), fine())
    invoke(client, "f", b"{}", "RequestResponse", 0)
    invoke(client, "f", b"{}", "Event", 0)
    assert [asked.get("LogType") for asked in client.asked] == ["Tail", None]
