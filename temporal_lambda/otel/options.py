"""The options of ``apply_defaults``, and their values in this environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple, get_args

from temporal_lambda.errors import SettingsError

FlushPolicy = Literal["always", "interval", "never"]
"""When an invocation waits until its telemetry is exported."""

DEFAULT_ENDPOINT = "http://localhost:4317"
"""Where the collector layers of the AWS Distro for OpenTelemetry listen for OTLP over gRPC."""

DEFAULT_SERVICE_NAME = "temporal-lambda-worker"


@dataclass
class OtelOptions:
    """Options of ``apply_defaults``.

    Attributes:
        metric_periodicity: Time between exports of metrics while an invocation runs, in addition to
            the flush at its end; with ``flush="interval"`` also the age at which a flush is due.
        service_name: The resource attribute ``service.name``. If empty: ``OTEL_SERVICE_NAME``, else
            ``AWS_LAMBDA_FUNCTION_NAME``, else ``temporal-lambda-worker``.
        collector_endpoint: Where to send OTLP over gRPC. If empty: ``OTEL_EXPORTER_OTLP_ENDPOINT``,
            else ``http://localhost:4317``. Uses TLS if it begins with ``https://``.
        add_temporal_spans: Whether to record spans of Temporal's own operations (``RunWorkflow``,
            ``StartActivity``, ``RunActivity``, ...) in addition to those of your code.
        flush: ``always``: each invocation ends with a flush. ``interval``: only if the last flush
            is older than ``metric_periodicity``; for functions invoked many times a second. Their
            last telemetry may be late, or lost with the environment. ``never``: no invocation
            waits for an export; only what is exported while it runs is sure to arrive.
        flush_timeout: The longest an export, and the flush, may take; for exports the first call in
            the process decides. The flush never takes more than the time left for shutdown hooks.
            While a collector does not answer, only the first flush and one flush a minute wait
            that long.
        logs: Whether to add fields to log lines, as ``apply_logging`` does, and to log Core's own
            lines through the logger ``temporalio.core`` instead of the console. For Core's lines
            the first call in the process decides.

    Example:
        >>> OtelOptions(service_name="orders").metric_periodicity
        datetime.timedelta(seconds=10)
    """

    metric_periodicity: timedelta = field(default_factory=lambda: timedelta(seconds=10))
    service_name: str = ""
    collector_endpoint: str = ""
    add_temporal_spans: bool = False
    flush: FlushPolicy = "always"
    flush_timeout: timedelta = field(default_factory=lambda: timedelta(seconds=2))
    logs: bool = False


class Resolved(NamedTuple):
    """Options completed from the environment.

    Attributes:
        endpoint: URL of the collector.
        service_name: The resource attribute ``service.name``.
        metric_period: Seconds between exports of metrics.
        flush: When an invocation ends with a flush: ``always``, ``interval`` or ``never``.
        flush_timeout: Seconds an export or the flush may take.
        logs: Whether log lines get fields.
    """

    endpoint: str
    service_name: str
    metric_period: float
    flush: FlushPolicy
    flush_timeout: float
    logs: bool = False

    @property
    def destination(self) -> tuple[str, str]:
        """Endpoint and service name, which providers and runtime are created for."""
        return self.endpoint, self.service_name


def resolve(options: OtelOptions, environ: Mapping[str, str] = os.environ) -> Resolved:
    """Complete options from the environment.

    Args:
        options: The user's options.
        environ: Environment variables.

    Raises:
        SettingsError: An option has an invalid value.

    Example:
        >>> resolve(OtelOptions(), {"AWS_LAMBDA_FUNCTION_NAME": "orders"})[:3]
        ('http://localhost:4317', 'orders', 10.0)
    """
    if options.flush not in get_args(FlushPolicy):
        raise SettingsError(
            f"OtelOptions.flush must be one of {', '.join(get_args(FlushPolicy))}; got "
            f"{options.flush!r}"
        )
    return Resolved(
        endpoint=resolve_endpoint(options.collector_endpoint, environ),
        service_name=resolve_service_name(options.service_name, environ),
        metric_period=_seconds("metric_periodicity", options.metric_periodicity),
        flush=options.flush,
        flush_timeout=_seconds("flush_timeout", options.flush_timeout),
        logs=options.logs,
    )


def resolve_endpoint(explicit: str, environ: Mapping[str, str] = os.environ) -> str:
    """The collector: ``explicit``, else ``OTEL_EXPORTER_OTLP_ENDPOINT``, else localhost."""
    return explicit or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT


def resolve_service_name(explicit: str, environ: Mapping[str, str] = os.environ) -> str:
    """The service's name: ``explicit``, else from the environment, else a default."""
    return (
        explicit
        or environ.get("OTEL_SERVICE_NAME")
        or environ.get("AWS_LAMBDA_FUNCTION_NAME")
        or DEFAULT_SERVICE_NAME
    )


def _seconds(name: str, value: timedelta) -> float:
    if not isinstance(value, timedelta) or value <= timedelta():
        raise SettingsError(f"OtelOptions.{name} must be a timedelta above 0; got {value!r}")
    return value.total_seconds()
