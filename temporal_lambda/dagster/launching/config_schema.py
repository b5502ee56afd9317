"""What may stand under ``run_launcher.config`` in ``dagster.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import Array, BoolSource, Enum, EnumValue, Field, IntSource, StringSource

from temporal_lambda.dagster.launching.config import AssumeRole, LauncherConfig

if TYPE_CHECKING:
    from temporal_lambda.dagster.dagster_internals import UserConfigSchema

_INVOCATION_TYPE = Enum("LambdaInvocationType", [EnumValue("Event"), EnumValue("RequestResponse")])


def config_schema() -> UserConfigSchema:
    """The schema of the launcher's configuration, with the defaults.

    Returns:
        Names of options and their ``dagster.Field``.
    """
    default = LauncherConfig()
    return {
        **_runs(default),
        **_payloads(default),
        **_limits(default),
        "aws": _aws(),
        "temporal": _temporal(),
        "inner": _inner(),
    }


def _runs(default: LauncherConfig) -> dict[str, Field]:
    return {
        "default_function_name": _text("The function of runs that name none."),
        "default_invocation_type": Field(
            _INVOCATION_TYPE,
            is_required=False,
            default_value=default.default_invocation_type,
            description="Event (accepted, not awaited) or RequestResponse (the result is awaited).",
        ),
        "default_durable": _flag(
            default.default_durable,
            "Whether functions keep a run as a workflow (run_dagster_worker): such a run outlives "
            "its invocations, can be canceled, and is found again after a restart.",
        ),
        "default_run_code": _flag(
            default.default_run_code,
            "Whether functions execute the steps of the jobs themselves (run_dagster_code), and "
            "send home their events.",
        ),
        "external": _flag(
            default.external,
            "Whether Event runs stay STARTED once AWS has accepted them, for a sensor to finish, "
            "or for the health check if they are durable. Otherwise they succeed at once.",
        ),
        "fail_on_error_status": _flag(
            default.fail_on_error_status,
            "Whether a result with a statusCode of 400 or more fails the run.",
        ),
        "result_records": _text(
            "s3://<bucket>/<prefix> where functions leave their answers; the health check looks "
            "there for runs whose waiting process is gone, before it fails them."
        ),
        "function_log": _flag(
            default.function_log,
            "Whether the event log of a run that failed shows the end of the function's log, "
            "without what looks like a secret.",
        ),
        "materialize_planned": _flag(
            default.materialize_planned,
            "Whether a run that succeeds materializes the assets that were planned for it, if its "
            "function reports no materialization.",
        ),
    }


def _payloads(default: LauncherConfig) -> dict[str, Field]:
    return {
        "default_deployment_name": _text(
            "deployment_name in payloads, where the instance has no name of its own (Dagster+)."
        ),
        "environment_variables": Field(
            Array(str),
            is_required=False,
            default_value=[],
            description="Names of variables of Dagster's process that full payloads carry. Their "
            "values are visible to the function and to whoever reads its payloads.",
        ),
        "allowed_functions": Field(
            Array(str),
            is_required=False,
            description="Names and ARNs of the functions that runs may go to, with * for any "
            "characters; a pattern of a name matches no ARN. Without it any function may be named, "
            "but environment_variables only go to functions given by name.",
        ),
        "job_graph": _flag(
            default.job_graph,
            "Whether full payloads carry job_graph: op to upstream ops. Switch it off for "
            "functions that must see exactly the five parts.",
        ),
    }


def _limits(default: LauncherConfig) -> dict[str, Field]:
    return {
        "max_concurrent_waits": _number(
            default.max_concurrent_waits,
            "RequestResponse runs awaited at once per process; the others wait in line, STARTED.",
        ),
        "read_timeout_seconds": _number(
            default.read_timeout_seconds,
            "How long an answer is awaited. Must be above the functions' timeout (at most 900 s).",
        ),
        "connect_timeout_seconds": _number(
            default.connect_timeout_seconds, "How long making a connection may take."
        ),
        "throttle_timeout_seconds": _number(
            default.throttle_timeout_seconds,
            "How long throttled invocations, and those that reached no server, are tried again.",
        ),
        "cancel_timeout_seconds": _number(
            default.cancel_timeout_seconds,
            "How long a function may take to answer a cancel or a status request.",
        ),
        "shutdown_timeout_seconds": _number(
            default.shutdown_timeout_seconds,
            "How long a process that ends waits for the answers that are still out.",
        ),
        "steps_interval_seconds": _number(
            default.steps_interval_seconds,
            "How often the function of a durable run is asked for its steps while it works; the "
            "pauses grow up to 60 s. 0: only the answers of the run itself show them.",
        ),
        "max_sync_payload_bytes": _number(
            default.max_sync_payload_bytes, "Largest payload of a RequestResponse run."
        ),
        "max_async_payload_bytes": _number(
            default.max_async_payload_bytes, "Largest payload of an Event run."
        ),
    }


def _aws() -> Field:
    return Field(
        {
            "region": _text("Region of functions given by name."),
            "endpoint_url": _text("Another address of the Lambda API."),
            "sts_endpoint_url": _text("Another address of STS."),
            "s3_endpoint_url": _text("Another address of S3."),
            "access_key_id": _text("Static credentials; best as {env: NAME}."),
            "secret_access_key": _text("Static credentials; best as {env: NAME}."),
            "session_token": _text("Static credentials; best as {env: NAME}."),
            "assume_role": Field(
                {
                    "role_arn": Field(StringSource, description="The role to assume."),
                    "external_id": _text("What its trust policy asks for."),
                    "session_name": Field(
                        StringSource,
                        is_required=False,
                        default_value=AssumeRole.session_name,
                        description="Name of the session.",
                    ),
                },
                is_required=False,
                description="A role to invoke under, such as one of the functions' account.",
            ),
        },
        is_required=False,
        description="How AWS is reached; otherwise boto3's own chain decides.",
    )


def _temporal() -> Field:
    return Field(
        {
            "address": _text("host:port of the server."),
            "namespace": _text("The namespace of the workflows."),
            "api_key": _text("The key to connect with; best as {env: NAME}."),
            "profile": _text("The profile in Temporal's configuration file."),
            "config_file": _text("Path of that file."),
        },
        is_required=False,
        description="The Temporal server of durable runs. With it their workflows are canceled "
        "without an invocation, so also while their function has no room for one.",
    )


def _inner() -> Field:
    return Field(
        {
            "module": Field(str, description="Module of another run launcher."),
            "class": Field(str, description="Its class."),
            "config": Field(dict, is_required=False, description="Its config."),
        },
        is_required=False,
        description="The launcher of runs that carry no lambda/ tag.",
    )


def _text(description: str) -> Field:
    return Field(StringSource, is_required=False, description=description)


def _flag(default: bool, description: str) -> Field:
    return Field(BoolSource, is_required=False, default_value=default, description=description)


def _number(default: int, description: str) -> Field:
    return Field(IntSource, is_required=False, default_value=default, description=description)
