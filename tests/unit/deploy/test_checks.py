"""Findings of ``check``: for each a case where it is made, and one where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from temporal_lambda.deploy.checking.findings import Finding
from temporal_lambda.deploy.checking.function_checks import check_function
from temporal_lambda.deploy.checking.role_checks import check_role
from temporal_lambda.deploy.checking.server_checks import check_deployment
from temporal_lambda.deploy.rollout.inventory import Build
from temporal_lambda.worker_deployment import DeploymentState
from tests.unit.deploy.projects import AWS_KEY, PEM, TOKEN

ARN = "arn:aws:lambda:us-east-1:123456789012:function:greeting"

FUNCTION: dict[str, Any] = {
    "FunctionName": "greeting",
    "Version": "5",
    "Timeout": 600,
    "MemorySize": 512,
    "Runtime": "python3.13",
    "LoggingConfig": {"LogFormat": "JSON"},
    "Environment": {"Variables": {"TEMPORAL_ADDRESS": "there:7233"}},
}

DELIVERY = {
    "MaximumRetryAttempts": 0,
    "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:1:failed"}},
}


def ids(findings: Any) -> list[str]:
    return [finding.id for finding in findings]


def with_variables(**variables: str) -> dict[str, Any]:
    return {"Environment": {"Variables": variables}}


def test_function_as_it_should_be_has_no_finding() -> None:
    assert ids(check_function(FUNCTION, DELIVERY)) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"Timeout": 3}, "timeout"),
        ({"Timeout": 16}, "timeout"),
        (
            {"Timeout": 30, **with_variables(TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER="25s")},
            "timeout",
        ),
        (
            {"Timeout": 30, **with_variables(TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT="20s")},
            "timeout",
        ),
        ({"MemorySize": 128}, "memory"),
        ({"LoggingConfig": {"LogFormat": "Text"}}, "log-format"),
        ({"Runtime": "python3.9"}, "runtime"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "snapstart"),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.11"},
            "snapstart",
        ),
        ({"CapacityProviderConfig": {"CapacityProviderArn": "arn"}}, "managed-instances"),
        ({"DurableConfig": {"RetentionPeriodInDays": 1}}, "durable-function"),
        (with_variables(TEMPORAL_API_KEY="plain"), "secret-in-environment"),
        (with_variables(NOTE=TOKEN), "secret-in-environment"),
        (with_variables(NOTE=PEM), "secret-in-environment"),
        (with_variables(NOTE=AWS_KEY), "secret-in-environment"),
    ],
)
def test_function_that_will_fail_or_leak_is_found(change: dict[str, Any], finding: str) -> None:
    (found,) = check_function({**FUNCTION, **change}, DELIVERY)
    assert found.id == finding
    assert found.what.startswith("greeting:5 ")
    for secret in ("plain", TOKEN, PEM, AWS_KEY):
        assert secret not in str(found)


@pytest.mark.parametrize(
    "change",
    [
        {"Timeout": 17},
        {"Timeout": 35, **with_variables(TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER="25s")},
        {"SnapStart": {"ApplyOn": "None"}},
        with_variables(TEMPORAL_API_KEY="arn:aws:secretsmanager:us-east-1:1:secret:key"),
        with_variables(DATABASE_PASSWORD="ssm:/database/password"),
        with_variables(TEMPORAL_API_KEY=""),
    ],
)
def test_function_at_the_edge_is_not_found(change: dict[str, Any]) -> None:
    assert ids(check_function({**FUNCTION, **change}, DELIVERY)) == []


def test_timeout_is_compared_with_the_buffer_of_the_code_where_that_is_known() -> None:
    assert ids(check_function(FUNCTION, DELIVERY, buffer=590.0)) == []
    assert ids(check_function(FUNCTION, DELIVERY, buffer=591.0)) == ["timeout"]


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (None, ["event-retries", "failure-destination"]),
        ({**DELIVERY, "MaximumRetryAttempts": 2}, ["event-retries"]),
        ({"MaximumRetryAttempts": 0}, ["failure-destination"]),
    ],
)
def test_delivery_that_repeats_or_forgets_is_found(
    delivery: Mapping[str, Any] | None, expected: list[str]
) -> None:
    assert ids(check_function(FUNCTION, delivery)) == expected


def policy(resources: Any, actions: Any = ("lambda:InvokeFunction", "lambda:GetFunction")) -> Any:
    actions = list(actions) if isinstance(actions, tuple) else actions
    return {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}


TRUST = {"Statement": {"Condition": {"StringEquals": {"sts:ExternalId": "mine"}}}}


@pytest.mark.parametrize(
    "policies",
    [
        [policy([ARN, f"{ARN}:*"])],
        [policy([ARN]), policy(f"{ARN}:*")],
        [policy("*", "lambda:*")],
        [policy([ARN, f"{ARN}:*"], "LAMBDA:InvokeFunction"), policy("*", "lambda:Get*")],
    ],
)
def test_role_that_covers_name_and_versions_has_no_finding(policies: list[Any]) -> None:
    assert ids(check_role("role", ARN, TRUST, policies)) == []


@pytest.mark.parametrize(
    ("policies", "which"),
    [
        ([policy([f"{ARN}:*"])], "without a version"),
        ([policy([ARN])], "with a version"),
        ([policy([ARN, f"{ARN}:1"])], "with a version"),
        ([policy([ARN, f"{ARN}:*"], "lambda:InvokeFunction")], "lambda:GetFunction"),
    ],
)
def test_role_that_covers_less_is_found(policies: list[Any], which: str) -> None:
    found = list(check_role("role", ARN, TRUST, policies))
    assert set(ids(found)) == {"invoke-role"}
    assert which in found[0].what


def test_role_without_external_id_is_found() -> None:
    assert ids(check_role("role", ARN, {"Statement": []}, [policy("*")])) == ["external-id"]


BUILD = Build("1.0", "current", 100.0, f"{ARN}:5", ("greetings",), None, None, False, None)
DEPLOYMENT = DeploymentState("greeting", "1.0", None, 0.0, True, (), b"")


def test_deployment_as_it_should_be_has_no_finding() -> None:
    assert ids(check_deployment(DEPLOYMENT, [BUILD])) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"function": None}, "no-compute"),
        ({"function": ARN}, "unqualified-arn"),
        ({"function": f"{ARN}:$LATEST"}, "unqualified-arn"),
        ({"task_queues": ()}, "no-task-queue"),
        ({"problem": "access denied"}, "validation"),
    ],
)
def test_build_that_will_not_work_is_found(change: dict[str, Any], finding: str) -> None:
    assert ids(check_deployment(DEPLOYMENT, [replace(BUILD, **change)])) == [finding]
    forgotten = replace(BUILD, deletable=True, **change)
    assert ids(check_deployment(DEPLOYMENT, [forgotten])) == []


@pytest.mark.parametrize(
    ("change", "count", "finding"),
    [
        ({"current": None}, 1, "no-current-build"),
        ({"routed": False}, 1, "routing"),
        ({}, 90, "many-builds"),
    ],
)
def test_deployment_that_will_not_route_is_found(
    change: dict[str, Any], count: int, finding: str
) -> None:
    assert ids(check_deployment(replace(DEPLOYMENT, **change), [BUILD] * count)) == [finding]


def test_finding_says_what_why_and_what_to_do() -> None:
    text = str(Finding("id", "error", "what is so", "why it is bad", "what to do"))
    assert text.splitlines() == [
        "error    id: what is so",
        "         why it is bad",
        "         -> what to do",
    ]
