"""The options of ``apply_defaults``, and what they come to in this environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple, get_args

from temporal_lambda.errors import SettingsError

FlushPolicy = Literal["always", "interval", "never"]
"""When an invocation waits for its telemetry to leave."""

DEFAULT_ENDPOINT = "http://localhost:4317"
"""Where the collector layers of the AWS Distro for OpenTelemetry listen for OTLP over gRPC."""

DEFAULT_SERVICE_NAME = "temporal-lambda-worker"


@dataclass
class OtelOptions:
    """Options of ``apply_defaults``.

    Attributes:
        metric_periodicity: How often metrics are exported while an invocation runs, on top of the
            flush at its end; and how old the last flush must be for ``flush="interval"``.
        service_name: The resource attribute ``service.name``. If empty: ``OTEL_SERVICE_NAME``, then
            ``AWS_LAMBDA_FUNCTION_NAME``, then ``temporal-lambda-worker``.
        collector_endpoint: Where to send OTLP over gRPC. If empty: ``OTEL_EXPORTER_OTLP_ENDPOINT``,
            then ``http://localhost:4317``. TLS if it begins with ``https://``.
        add_temporal_spans: Whether Temporal's own operations become spans (``RunWorkflow``,
            ``StartActivity``, ``RunActivity``, ...), besides those that your code makes.
        flush: ``always``: each invocation ends with a flush. ``interval``: only if the last flush
            is older than ``metric_periodicity``; for functions invoked many times a second, whose
            last telemetry may then be late, or lost with its environment. ``never``: nothing is
            waited for; what is exported while the invocation runs is all.
        flush_timeout: What an export, and the flush, may take at most; for exports, what the first
            call in the process says. The flush never takes more than what is left of the time for
            shutdown hooks, whatever stands here. While a collector does not answer, only its first
            flush waits that long, and one a minute.
        logs: Whether to do what ``apply_logging`` does as well, and to write Core's own lines by
            the logger ``temporalio.core``, rather than as they are to the console. For the latter
            the first call in the process counts.

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
    """Options as they are in this environment.

    Attributes:
        endpoint: The collector.
        service_name: What the telemetry is of.
        metric_period: Seconds.
        flush: See ``OtelOptions``.
        flush_timeout: Seconds.
        logs: See ``OtelOptions``.
    """

    endpoint: str
    service_name: str
    metric_period: float
    flush: FlushPolicy
    flush_timeout: float
    logs: bool = False

    @property
    def destination(self) -> tuple[str, str]:
        """What providers and runtime are made for; the rest may differ from call to call."""
        return self.endpoint, self.service_name


def resolve(options: OtelOptions, environ: Mapping[str, str] = os.environ) -> Resolved:
    """Complete options by the environment.

    Args:
        options: What the user says.
        environ: Environment variables.

    Raises:
        SettingsError: An option has no such value.

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
    """The collector: explicit, or by ``OTEL_EXPORTER_OTLP_ENDPOINT``, or on this host."""
    return explicit or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT


def resolve_service_name(explicit: str, environ: Mapping[str, str] = os.environ) -> str:
    """The service's name: explicit, or by the environment, or a default."""
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
