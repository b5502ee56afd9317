"""Tags, and the launch they describe."""

from __future__ import annotations

import re
from typing import Any

import pytest

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.config import AssumeRole, LauncherConfig
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
                tags.WAITER: "inherited",
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


OTHERS = "arn:aws:lambda:us-west-2:999999999999:function:collector"


@pytest.mark.parametrize(
    ("allowed", "function", "fits"),
    [
        (["etl"], "etl", True),
        (["etl"], "etl:live", True),
        (["etl:live"], "etl:live", True),
        (["etl:live"], "etl:7", False),
        (["etl-*"], "etl-orders", True),
        (["etl-*"], "orders", False),
        (["*"], OTHERS, False),
        (["*collector"], OTHERS, False),
        (["arn:aws:lambda:*:123456789012:function:*"], OTHERS, False),
        (["arn:aws:lambda:*:999999999999:function:collector"], OTHERS, True),
        (["arn:aws:lambda:*:999999999999:function:collector"], f"{OTHERS}:live", True),
        ([], "etl", False),
    ],
)
def test_runs_go_to_allowed_functions_only(allowed: list[str], function: str, fits: bool) -> None:
    config = LauncherConfig.of({"allowed_functions": allowed})
    tag = "lambda/function_arn" if function.startswith("arn:") else "lambda/function_name"
    if fits:
        assert tags.resolve({tag: function}, config).function == function
        return
    with pytest.raises(SettingsError, match="is not among the allowed_functions"):
        tags.resolve({tag: function}, config)


def test_default_function_is_always_allowed() -> None:
    config = LauncherConfig.of({"allowed_functions": [], "default_function_name": OTHERS})
    assert tags.resolve({}, config).function == OTHERS


def test_environment_variables_go_to_no_arn_that_nobody_allowed() -> None:
    config = {"environment_variables": ["WAREHOUSE_PASSWORD"]}
    with pytest.raises(SettingsError, match="may be anybody's"):
        tags.resolve({"lambda/function_arn": OTHERS}, LauncherConfig.of(config))
    assert tags.resolve({"lambda/function_name": "etl"}, LauncherConfig.of(config))
    allowed = LauncherConfig.of({**config, "allowed_functions": [OTHERS]})
    assert tags.resolve({"lambda/function_arn": OTHERS}, allowed)
    assert tags.resolve({"lambda/function_arn": OTHERS}, LauncherConfig())
