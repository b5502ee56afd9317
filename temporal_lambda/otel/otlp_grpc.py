"""OpenTelemetry's exporters for OTLP over gRPC."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

from temporal_lambda.otel.variables import Signal, word

CHANNEL = (("grpc.use_local_subchannel_pool", 1),)
"""Otherwise channels to one address share a connection, and a new channel would get the old one."""


def span_exporter(endpoint: str, timeout: float) -> OTLPSpanExporter:
    """A new exporter for spans."""
    return OTLPSpanExporter(**_arguments("traces", endpoint, timeout))


def metric_exporter(endpoint: str, timeout: float) -> OTLPMetricExporter:
    """A new exporter for metrics."""
    return OTLPMetricExporter(**_arguments("metrics", endpoint, timeout))


def log_exporter(endpoint: str, timeout: float) -> OTLPLogExporter:
    """A new exporter for log records."""
    return OTLPLogExporter(**_arguments("logs", endpoint, timeout))


def _arguments(signal: Signal, endpoint: str, timeout: float) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "insecure": is_insecure(signal, endpoint, os.environ),
        "timeout": timeout,
        "channel_options": CHANNEL,
    }


def is_insecure(signal: Signal, endpoint: str, environ: Mapping[str, str]) -> bool:
    """Whether to do without TLS: the scheme decides, else the variable, else there is none.

    Example:
        >>> is_insecure("traces", "collector:4317", {"OTEL_EXPORTER_OTLP_INSECURE": "false"})
        False
    """
    if "://" in endpoint:
        return not endpoint.startswith("https://")
    own = word(environ, f"OTEL_EXPORTER_OTLP_{signal.upper()}_INSECURE")
    return (own or word(environ, "OTEL_EXPORTER_OTLP_INSECURE")) != "false"
