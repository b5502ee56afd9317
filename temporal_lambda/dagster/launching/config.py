"""The launcher's own configuration: the values; ``config_schema.py`` describes each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from temporal_lambda.errors import SettingsError

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
class TemporalConfig:
    """How the Temporal server of durable runs is reached, to cancel their workflows.

    What is not said comes from Temporal's own profile and variables, such as ``TEMPORAL_ADDRESS``.

    Attributes:
        address: ``host:port``.
        namespace: The namespace of the workflows.
        api_key: The key to connect with; it may be limited to what cancels a workflow.
        profile: The profile in the configuration file.
        config_file: Path of a configuration file (TOML); certificates are named there.
    """

    address: str | None = None
    namespace: str | None = None
    api_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    config_file: str | None = None


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
    default_run_code: bool = False
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
    temporal: TemporalConfig | None = None

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
        if own.get("temporal") is not None:
            own["temporal"] = TemporalConfig(**own["temporal"])
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
