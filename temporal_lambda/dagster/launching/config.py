"""The launcher's own configuration: its schema in ``dagster.yaml``, and the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from dagster import Array, BoolSource, Enum, EnumValue, Field, IntSource, StringSource

from temporal_lambda.errors import SettingsError

if TYPE_CHECKING:
    from temporal_lambda.dagster.launching.dagster_internals import UserConfigSchema

InvocationType = Literal["Event", "RequestResponse"]
"""``Event``: accepted and run later, at least once. ``RequestResponse``: run now, waited for."""

SYNC_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Bytes of a RequestResponse payload (AWS quota)."""

ASYNC_PAYLOAD_BYTES = 1024 * 1024
"""Bytes of an Event payload (AWS quota)."""


@dataclass(frozen=True)
class AssumeRole:
    """A role to invoke functions under, usually one of another account.

    Attributes:
        role_arn: The role.
        external_id: What the role's trust policy may ask for.
        session_name: Name of the session, for AWS's own logs.
    """

    role_arn: str
    external_id: str | None = None
    session_name: str = "dagster-lambda-launcher"


@dataclass(frozen=True)
class AwsConfig:
    """How AWS is reached. Whatever is not said comes from boto3's usual places.

    Attributes:
        region: For functions given by name; an ARN brings its own.
        endpoint_url: Another address of the Lambda API.
        sts_endpoint_url: Another address of STS, for ``assume_role``.
        s3_endpoint_url: Another address of S3, for ``result_records``.
        access_key_id: Static credentials.
        secret_access_key: Static credentials.
        session_token: Static credentials.
        assume_role: A role to assume with the credentials there are.
    """

    region: str | None = None
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    s3_endpoint_url: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    assume_role: AssumeRole | None = None


@dataclass(frozen=True)
class LauncherConfig:
    """The values; ``config_schema`` describes each.

    Raises:
        SettingsError: A number is below what makes sense.

    Example:
        >>> LauncherConfig.of({"default_function_name": "etl"}).default_function_name
        'etl'
    """

    default_function_name: str | None = None
    default_invocation_type: InvocationType = "Event"
    default_durable: bool = False
    external: bool = False
    default_deployment_name: str | None = None
    environment_variables: tuple[str, ...] = ()
    allowed_functions: tuple[str, ...] | None = None
    job_graph: bool = True
    fail_on_error_status: bool = True
    result_records: str | None = None
    function_log: bool = True
    materialize_planned: bool = False
    max_concurrent_waits: int = 50
    read_timeout_seconds: int = 930
    connect_timeout_seconds: int = 10
    throttle_timeout_seconds: int = 60
    cancel_timeout_seconds: int = 60
    shutdown_timeout_seconds: int = 930
    steps_interval_seconds: int = 10
    max_sync_payload_bytes: int = SYNC_PAYLOAD_BYTES
    max_async_payload_bytes: int = ASYNC_PAYLOAD_BYTES
    aws: AwsConfig = AwsConfig()

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise SettingsError(
                    f"run_launcher.config.{name} must be {least} or more; got {getattr(self, name)}"
                )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LauncherConfig:
        """The values of a configuration that fits ``config_schema``.

        Args:
            values: As Dagster hands them over, without ``inner``.
        """
        own = {name: values[name] for name in (f.name for f in fields(cls)) if name in values}
        own["environment_variables"] = tuple(own.get("environment_variables", ()))
        if own.get("allowed_functions") is not None:
            own["allowed_functions"] = tuple(own["allowed_functions"])
        aws = dict(values.get("aws") or {})
        if role := aws.get("assume_role"):
            aws["assume_role"] = AssumeRole(**role)
        return cls(**{**own, "aws": AwsConfig(**aws)})


_LEAST = {
    "max_concurrent_waits": 1,
    "read_timeout_seconds": 1,
    "connect_timeout_seconds": 1,
    "throttle_timeout_seconds": 0,
    "cancel_timeout_seconds": 1,
    "shutdown_timeout_seconds": 0,
    "steps_interval_seconds": 0,
    "max_sync_payload_bytes": 1,
    "max_async_payload_bytes": 1,
}

_INVOCATION_TYPE = Enum("LambdaInvocationType", [EnumValue("Event"), EnumValue("RequestResponse")])


def config_schema() -> UserConfigSchema:
    """What may stand under ``run_launcher.config`` in ``dagster.yaml``, with the defaults."""
    default = LauncherConfig()
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
        "external": _flag(
            default.external,
            "Whether Event runs stay STARTED once AWS has accepted them, for a sensor to finish, "
            "or for the health check if they are durable. Otherwise they succeed at once.",
        ),
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
        "aws": Field(
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
        ),
        "inner": Field(
            {
                "module": Field(str, description="Module of another run launcher."),
                "class": Field(str, description="Its class."),
                "config": Field(dict, is_required=False, description="Its config."),
            },
            is_required=False,
            description="The launcher of runs that carry no lambda/ tag.",
        ),
    }


def _text(description: str) -> Field:
    return Field(StringSource, is_required=False, description=description)


def _flag(default: bool, description: str) -> Field:
    return Field(BoolSource, is_required=False, default_value=default, description=description)


def _number(default: int, description: str) -> Field:
    return Field(IntSource, is_required=False, default_value=default, description=description)
