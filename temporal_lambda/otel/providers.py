"""Tracer, meter and logger provider: the existing ones, or new ones, once per process."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module

from opentelemetry import metrics, trace

# OpenTelemetry has no other path for logs, and documents this one.
from opentelemetry._logs import get_logger_provider, set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler
from temporalio.contrib.opentelemetry import (
    ReplaySafeLoggerProvider,
    ReplaySafeMeterProvider,
    ReplaySafeTracerProvider,
    create_tracer_provider,
)

from temporal_lambda.otel import xray
from temporal_lambda.otel.adoption import is_unset
from temporal_lambda.otel.exporters import (
    EXTRAS,
    LogExporter,
    MetricExporter,
    SpanBatches,
    SpanExporter,
)
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.options import Resolved
from temporal_lambda.otel.processors import KeepsWorkflowSpansOpen, NamesInvocation, WatchesTexts
from temporal_lambda.otel.resource import lambda_resource
from temporal_lambda.otel.variables import (
    SAMPLER,
    SIGNALS,
    Protocol,
    Signal,
    destination,
    exports,
    without_secrets,
    word,
)
from temporal_lambda.outgoing import LONGEST

logger = logging.getLogger(__name__)

WIRES: Mapping[Protocol, str] = {
    "grpc": "temporal_lambda.otel.otlp_grpc",
    "http/protobuf": "temporal_lambda.otel.otlp_http",
}
"""The modules that import the exporters for a protocol."""

_tracing_for: list[Resolved] = []
"""What the tracer provider was made for, if it was made here."""

_watched: list[trace.TracerProvider] = []
_made: list[metrics.MeterProvider] = []


def adopted() -> dict[Signal, str]:
    """Destinations of the signals whose provider was not made here."""
    theirs: dict[Signal, str] = {}
    if not (_tracing_for or is_unset(trace.get_tracer_provider())):
        theirs["traces"] = "the tracer provider's endpoint"
    if _is_somebodys(metrics.get_meter_provider()):
        theirs["metrics"] = "the meter provider's endpoint"
    return theirs


def _is_somebodys(provider: metrics.MeterProvider) -> bool:
    """Whether a meter provider can be exported, and was not made here."""
    return isinstance(provider, MeterProvider | ReplaySafeMeterProvider) and provider not in _made


def import_exporters() -> None:
    """Import now what the first invocation would have to wait for."""
    theirs = adopted()
    wanted = {
        WIRES[destination(signal, "", os.environ).protocol]
        for signal in SIGNALS[:2]
        if signal not in theirs and exports(signal, os.environ)
    }
    if "traces" not in theirs:
        wanted.add(xray.IDS)
    for name in wanted:
        try:
            import_module(name)
        except ImportError:
            # It is told when it is needed.
            pass


def ensure_tracer_provider(options: Resolved, health: Health) -> None:
    """Set a global tracer provider, unless one is set already.

    Args:
        options: Destination and timeout of a new one.
        health: Receives the outcome of its exports.
    """
    if not is_unset(trace.get_tracer_provider()):
        if _tracing_for and options.key != _tracing_for[0].key:
            _tell_of_first_destination(*_place(_tracing_for[0]))
        return
    provider = create_tracer_provider(
        sampler=_sampler(),
        resource=lambda_resource(options.service_name, options.function_arn),
        id_generator=xray.id_generator(),
        span_limits=_limits(),
        # Lambda ends processes without notice.
        shutdown_on_exit=False,
    )
    if to := options.destinations.get("traces"):
        try:
            exporter = SpanExporter(to, options.flush_timeout, health)
        except ImportError as error:
            _tell_of_missing_exporter("spans", EXTRAS[to.protocol], error)
        else:
            provider.add_span_processor(SpanBatches(exporter, health))
    _tracing_for.append(options)
    trace.set_tracer_provider(provider)


def _place(options: Resolved) -> tuple[str, str]:
    to = options.destinations.get("traces")
    place = without_secrets(to.endpoint, [to.endpoint]) if to else "nowhere"
    return place, options.service_name


@cache
def _tell_of_first_destination(endpoint: str, service_name: str) -> None:
    logger.warning(
        "spans are still sent to %s for the service %s, as the tracer provider can be set only "
        "once per process; another collector_endpoint or service_name applies to metrics only",
        endpoint,
        service_name,
    )


def _sampler() -> Sampler | None:
    """The sampler that follows X-Ray's decisions, which the SDK does not know by its name."""
    return ParentBased(ALWAYS_ON) if word(os.environ, SAMPLER) == "xray" else None


def _limits() -> SpanLimits:
    """The SDK's limits, and one for texts if the environment has none.

    Without it, an exception with a text of megabytes takes all spans of its batch along.
    """
    limits = SpanLimits()
    if limits.max_attribute_length is not None or limits.max_span_attribute_length is not None:
        return limits
    # Stack traces are texts, too.
    return SpanLimits(max_attribute_length=4 * LONGEST)


def watch_spans() -> None:
    """Add this package's span processors to the global provider, whoever set it."""
    provider = trace.get_tracer_provider()
    if provider not in _watched and isinstance(provider, TracerProvider | ReplaySafeTracerProvider):
        _watched.append(provider)
        provider.add_span_processor(NamesInvocation())
        provider.add_span_processor(KeepsWorkflowSpansOpen())
        provider.add_span_processor(WatchesTexts())


def ensure_meter_provider(options: Resolved, health: Health) -> metrics.MeterProvider:
    """The meter provider to use: the global one if it was set elsewhere, else a new one.

    Args:
        options: Destination and timeout of a new one.
        health: Receives the outcome of its exports.

    Returns:
        The provider. The first new one becomes the global one if none is set, in a form that
        workflows can use: they run again in each invocation, and would count again.
    """
    present = metrics.get_meter_provider()
    if _is_somebodys(present):
        return present
    provider = MeterProvider(
        _readers(options, health),
        lambda_resource(options.service_name, options.function_arn),
        shutdown_on_exit=False,
        views=options.views,
    )
    _made.append(provider)
    if type(present).__module__.startswith(metrics.__name__):
        # The API's own placeholder. (For spans it has a public name.)
        safe = ReplaySafeMeterProvider(provider)
        _made.append(safe)
        metrics.set_meter_provider(safe)
    return provider


def _readers(options: Resolved, health: Health) -> Sequence[MetricReader]:
    to = options.destinations["metrics"]
    try:
        exporter = MetricExporter(to, options.flush_timeout, health, options.wishes)
    except ImportError as error:
        _tell_of_missing_exporter("metrics", EXTRAS[to.protocol], error)
        return []
    # Exported on request: a timer's thread would export too late.
    return [PeriodicExportingMetricReader(exporter, math.inf)]


def ensure_logger_provider(options: Resolved, health: Health) -> None:
    """Set a global logger provider, unless one is set already.

    Args:
        options: Destination and timeout of a new one.
        health: Receives the outcome of its exports.
    """
    if can_flush_logs():
        return
    to = options.destinations["logs"]
    try:
        exporter = LogExporter(to, options.flush_timeout, health)
    except ImportError as error:
        _tell_of_missing_exporter("log records", EXTRAS[to.protocol], error)
        return
    provider = LoggerProvider(
        lambda_resource(options.service_name, options.function_arn), shutdown_on_exit=False
    )
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    set_logger_provider(ReplaySafeLoggerProvider(provider))


def can_flush_logs() -> bool:
    """Whether there is a logger provider that can be flushed, whoever set it."""
    return getattr(get_logger_provider(), "force_flush", None) is not None


@cache
def _tell_of_missing_exporter(signal: str, extra: str, error: ImportError) -> None:
    logger.warning(
        "%s are not exported (%s): the exporter comes with this package's extra %s",
        signal,
        error,
        extra,
    )
