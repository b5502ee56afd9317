"""The options of ``apply_defaults``, and their values in this environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple, get_args

from opentelemetry.sdk.metrics.view import View

from temporal_lambda.errors import SettingsError
from temporal_lambda.otel.backends import Backend, Wishes, wishes_of
from temporal_lambda.otel.variables import (
    DEFAULT_ENDPOINTS,
    SAMPLER,
    SIGNALS,
    Destination,
    Signal,
    destination,
    exports,
    resource_attributes,
    value,
    word,
)

FlushPolicy = Literal["always", "interval", "never"]
"""When an invocation waits until its telemetry is exported."""

DEFAULT_ENDPOINT = DEFAULT_ENDPOINTS["grpc"]
"""Where the collector layers of the AWS Distro for OpenTelemetry listen for OTLP over gRPC."""

DEFAULT_SERVICE_NAME = "temporal-lambda-worker"


@dataclass
class OtelOptions:
    """Options of ``apply_defaults``.

    Attributes:
        metric_periodicity: Time between exports of metrics while an invocation runs, in addition to
            the flush at its end; with ``flush="interval"`` also the age at which a flush is due.
        service_name: The resource attribute ``service.name``. If empty: ``OTEL_SERVICE_NAME``, else
            that of ``OTEL_RESOURCE_ATTRIBUTES``, else ``AWS_LAMBDA_FUNCTION_NAME``, else
            ``temporal-lambda-worker``.
        collector_endpoint: Where to send OTLP, for all signals. If empty: the variable of the
            signal (``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``, ...), else
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, else the protocol's port on localhost. Uses TLS if it
            begins with ``https://``. ``OTEL_EXPORTER_OTLP_PROTOCOL`` chooses the protocol.
        add_temporal_spans: Whether to record spans of Temporal's own operations (``RunWorkflow``,
            ``StartActivity``, ``RunActivity``, ...) in addition to those of your code.
        flush: ``always``: each invocation ends with a flush. ``interval``: only if the last flush
            is older than ``metric_periodicity``; for functions invoked many times a second. Their
            last telemetry may be late, or lost with the environment. ``never``: no invocation
            waits for an export; only what is exported while it runs is sure to arrive.
        flush_timeout: The longest an export, and the flush, may take; for exports the first call in
            the process decides. The flush never takes more than the time left for shutdown hooks.
            While a collector does not answer, only the first flush and one flush a minute wait
            that long, and the others do not wait.
        logs: Whether to add fields to log lines, as ``apply_logging`` does, and to log Core's own
            lines through the logger ``temporalio.core`` instead of the console. For Core's lines
            the first call in the process decides.
        backend: Where metrics end up, so that they are sent as it can add them up: ``cloudwatch``,
            ``datadog``, ``dynatrace`` and ``new-relic`` get what came since the last export,
            ``prometheus`` and its kin totals. OpenTelemetry's own variables for this win.
        views: OpenTelemetry's views, which choose, rename or aggregate metrics.
        export_logs: Whether to send the invocation's log records over OTLP as well, those of all
            loggers that reach the root logger.
        follow_x_ray: Whether to leave sampling to X-Ray: for functions with active tracing, whose
            invocations are otherwise all traced, also those that X-Ray leaves out. The sampler
            ``xray`` in ``OTEL_TRACES_SAMPLER`` means the same.

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
    backend: Backend | None = None
    views: Sequence[View] = ()
    export_logs: bool = False
    follow_x_ray: bool = False


class Resolved(NamedTuple):
    """Options completed from the environment.

    Attributes:
        destinations: Where the signals go that are exported.
        service_name: The resource attribute ``service.name``.
        metric_period: Seconds between exports of metrics.
        flush: When an invocation ends with a flush: ``always``, ``interval`` or ``never``.
        flush_timeout: Seconds an export or the flush may take.
        logs: Whether log lines get fields.
        wishes: What the backend wants of metrics.
        views: The user's views.
        follow_x_ray: Whether X-Ray decides what is sampled.
        function_arn: The function's ARN, where it is known.
    """

    destinations: Mapping[Signal, Destination]
    service_name: str = DEFAULT_SERVICE_NAME
    metric_period: float = 10.0
    flush: FlushPolicy = "always"
    flush_timeout: float = 2.0
    logs: bool = False
    wishes: Wishes = Wishes()
    views: Sequence[View] = ()
    follow_x_ray: bool = False
    function_arn: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What tracer and meter provider and the runtime are created for."""
        to = self.destinations
        return to.get("traces"), to.get("metrics"), self.service_name


def resolve(options: OtelOptions, environ: Mapping[str, str] = os.environ) -> Resolved:
    """Complete options from the environment.

    Args:
        options: The user's options.
        environ: Environment variables.

    Raises:
        SettingsError: An option has an invalid value.

    Example:
        >>> resolve(OtelOptions(), {"AWS_LAMBDA_FUNCTION_NAME": "orders"}).service_name
        'orders'
    """
    _check_word("flush", options.flush, get_args(FlushPolicy))
    if options.backend is not None:
        _check_word("backend", options.backend, get_args(Backend))
    if not all(isinstance(view, View) for view in options.views):
        raise SettingsError(f"OtelOptions.views must be OpenTelemetry's; got {options.views!r}")
    wanted = {"traces": True, "metrics": True, "logs": options.export_logs}
    return Resolved(
        {
            signal: destination(signal, options.collector_endpoint.strip(), environ)
            for signal in SIGNALS
            if wanted[signal] and exports(signal, environ)
        },
        service_name=resolve_service_name(options.service_name, environ),
        metric_period=_seconds("metric_periodicity", options.metric_periodicity),
        flush=options.flush,
        flush_timeout=_seconds("flush_timeout", options.flush_timeout),
        logs=options.logs,
        wishes=wishes_of(options.backend, environ),
        views=tuple(options.views),
        follow_x_ray=options.follow_x_ray or word(environ, SAMPLER) == "xray",
    )


def resolve_service_name(explicit: str, environ: Mapping[str, str] = os.environ) -> str:
    """The service's name: ``explicit``, else from the environment, else a default.

    Example:
        >>> resolve_service_name("", {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"})
        'shop'
    """
    return (
        explicit
        or value(environ, "OTEL_SERVICE_NAME")
        or resource_attributes(environ).get("service.name")
        or value(environ, "AWS_LAMBDA_FUNCTION_NAME")
        or DEFAULT_SERVICE_NAME
    )


def _check_word(name: str, given: object, words: tuple[str, ...]) -> None:
    if given not in words:
        raise SettingsError(f"OtelOptions.{name} must be one of {', '.join(words)}; got {given!r}")


def _seconds(name: str, given: timedelta) -> float:
    if not isinstance(given, timedelta) or given <= timedelta():
        raise SettingsError(f"OtelOptions.{name} must be a timedelta above 0; got {given!r}")
    return given.total_seconds()
