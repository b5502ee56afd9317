"""OpenTelemetry's exporters for OTLP over HTTP, signed where AWS asks for it."""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from temporal_lambda.otel import sigv4


def span_exporter(endpoint: str, timeout: float) -> OTLPSpanExporter:
    """A new exporter for spans."""
    return OTLPSpanExporter(**_arguments(endpoint, timeout))


def metric_exporter(endpoint: str, timeout: float) -> OTLPMetricExporter:
    """A new exporter for metrics."""
    return OTLPMetricExporter(**_arguments(endpoint, timeout))


def log_exporter(endpoint: str, timeout: float) -> OTLPLogExporter:
    """A new exporter for log records."""
    return OTLPLogExporter(**_arguments(endpoint, timeout))


def _arguments(endpoint: str, timeout: float) -> dict[str, Any]:
    service = sigv4.service_of(endpoint)
    session = sigv4.signing_session(service) if service else None
    return {"endpoint": endpoint, "timeout": timeout, "session": session}
