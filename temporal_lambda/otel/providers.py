"""Tracer and meter provider: the existing ones, or new ones, once per process."""

from __future__ import annotations

import logging
import math
import os
from functools import cache

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider, create_tracer_provider

from temporal_lambda.otel import xray
from temporal_lambda.otel.adoption import is_unset
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.options import Resolved
from temporal_lambda.otel.processors import KeepsWorkflowSpansOpen, NamesInvocation
from temporal_lambda.otel.resource import lambda_resource

logger = logging.getLogger(__name__)

NO_EXPORTER = (
    "%s are not exported (%s): opentelemetry-exporter-otlp-proto-grpc comes with the extra "
    "temporal-lambda[otel]"
)

_tracing_for: list[tuple[str, str]] = []
"""The destination of the tracer provider made here, once there is one."""

_watched: list[trace.TracerProvider] = []
_made: list[MeterProvider] = []


def adopted() -> dict[str, str]:
    """Destinations of the signals whose provider was not made here, by signal."""
    theirs = {}
    if not (_tracing_for or is_unset(trace.get_tracer_provider())):
        theirs["spans"] = "the tracer provider's endpoint"
    present = metrics.get_meter_provider()
    if isinstance(present, MeterProvider) and present not in _made:
        theirs["metrics"] = "the meter provider's endpoint"
    return theirs


def ensure_tracer_provider(options: Resolved, health: Health) -> None:
    """Set a global tracer provider, unless one is set already.

    Args:
        options: Destination and timeout of a new one.
        health: Receives the outcome of its exports.
    """
    if not is_unset(trace.get_tracer_provider()):
        if options.destination not in (_tracing_for or [options.destination]):
            _tell_of_first_destination(*_tracing_for[0])
        return
    provider = create_tracer_provider(
        resource=lambda_resource(options.service_name),
        id_generator=xray.id_generator(),
        # Lambda ends processes without notice.
        shutdown_on_exit=False,
    )
    if os.environ.get("OTEL_TRACES_EXPORTER") != "none":
        _export_spans(provider, options, health)
    _tracing_for.append(options.destination)
    trace.set_tracer_provider(provider)


@cache
def _tell_of_first_destination(endpoint: str, service_name: str) -> None:
    logger.warning(
        "spans are still sent to %s for the service %s, as the tracer provider can be set only "
        "once per process; another collector_endpoint or service_name applies to metrics only",
        endpoint,
        service_name,
    )


def _export_spans(provider: ReplaySafeTracerProvider, options: Resolved, health: Health) -> None:
    try:
        from temporal_lambda.otel.exporters import SpanBatches, SpanExporter
    except ImportError as error:
        logger.warning(NO_EXPORTER, "spans", error)
        return
    exporter = SpanExporter(options.endpoint, options.flush_timeout, health)
    provider.add_span_processor(SpanBatches(exporter, health))


def watch_spans() -> None:
    """Add this package's span processors to the global provider, whoever set it."""
    provider = trace.get_tracer_provider()
    if provider not in _watched and isinstance(provider, TracerProvider | ReplaySafeTracerProvider):
        _watched.append(provider)
        provider.add_span_processor(NamesInvocation())
        provider.add_span_processor(KeepsWorkflowSpansOpen())


def ensure_meter_provider(options: Resolved, health: Health) -> MeterProvider:
    """The meter provider to use: the global one if it was set elsewhere, else a new one.

    Args:
        options: Destination and timeout of a new one.
        health: Receives the outcome of its exports.

    Returns:
        The provider. The first new one becomes the global one if none is set.
    """
    present = metrics.get_meter_provider()
    if isinstance(present, MeterProvider) and present not in _made:
        return present
    provider = MeterProvider(
        _readers(options, health), lambda_resource(options.service_name), shutdown_on_exit=False
    )
    _made.append(provider)
    if type(present).__module__.startswith(metrics.__name__):
        # The API's own placeholder. (For spans it has a public name.)
        metrics.set_meter_provider(provider)
    return provider


def _readers(options: Resolved, health: Health) -> list[MetricReader]:
    try:
        from temporal_lambda.otel.exporters import MetricExporter
    except ImportError as error:
        logger.warning(NO_EXPORTER, "metrics", error)
        return []
    exporter = MetricExporter(options.endpoint, options.flush_timeout, health)
    # Exported on request: a timer's thread would export too late.
    return [PeriodicExportingMetricReader(exporter, math.inf)]
