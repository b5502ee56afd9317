"""One exporter for each signal, over either protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

# The SDK has no other path for logs, and documents this one.
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs import export as log_sdk
from opentelemetry.sdk.metrics import export as metric_sdk
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import export as sdk
from opentelemetry.sdk.trace.export import SpanExportResult

from temporal_lambda.otel.attempts import Attempts, catching
from temporal_lambda.otel.backends import Wishes, aggregation_of, temporality_of
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.variables import Destination
from temporal_lambda.otel.variables import Protocol as Wire

EXTRAS: Mapping[Wire, str] = {"grpc": "otel", "http/protobuf": "otel-http"}
"""The extra that has the exporters for a protocol."""


class Exporters(Protocol):
    """OpenTelemetry's exporters for one protocol."""

    def span_exporter(self, endpoint: str, timeout: float) -> sdk.SpanExporter:
        """A new one for spans."""

    def metric_exporter(self, endpoint: str, timeout: float) -> metric_sdk.MetricExporter:
        """A new one for metrics."""

    def log_exporter(self, endpoint: str, timeout: float) -> log_sdk.LogRecordExporter:
        """A new one for log records."""


def exporters_for(protocol: Wire) -> Exporters:
    """Import the exporters for a protocol.

    Raises:
        ImportError: They are not installed.
    """
    if protocol == "grpc":
        from temporal_lambda.otel import otlp_grpc

        return otlp_grpc
    from temporal_lambda.otel import otlp_http

    return otlp_http


class SpanExporter(sdk.SpanExporter):
    """Exports spans.

    Args:
        to: Where to.
        timeout: Seconds an attempt may take.
        health: Receives the outcome of each export.
    """

    def __init__(self, to: Destination, timeout: float, health: Health) -> None:
        make = exporters_for(to.protocol).span_exporter
        self._attempts = Attempts("spans", lambda: make(to.endpoint, timeout), timeout, health)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See base class."""
        return self._attempts.run(lambda exporter: exporter.export(spans))

    def shutdown(self) -> None:
        """See base class."""
        self._attempts.shutdown()


class SpanBatches(sdk.BatchSpanProcessor):
    """Collects spans for a ``SpanExporter``; counts spans dropped from a full queue.

    Args:
        exporter: Exports them.
        health: Counts the spans that had to be dropped.
    """

    def __init__(self, exporter: SpanExporter, health: Health) -> None:
        super().__init__(exporter)
        self._health = health

    def on_end(self, span: ReadableSpan) -> None:
        """See base class."""
        _, messages = catching(lambda: super(SpanBatches, self).on_end(span))
        if messages:
            self._health.dropped()


class MetricExporter(metric_sdk.MetricExporter):
    """Exports metrics.

    Args:
        to: Where to.
        timeout: Seconds an attempt may take.
        health: Receives the outcome of each export.
        wishes: Temporality and kind of histogram.
    """

    def __init__(
        self,
        to: Destination,
        timeout: float,
        health: Health,
        wishes: Wishes = Wishes(),  # noqa: B008 - It can't be changed.
    ) -> None:
        super().__init__(temporality_of(wishes), aggregation_of(wishes))
        make = exporters_for(to.protocol).metric_exporter
        self._attempts = Attempts("metrics", lambda: make(to.endpoint, timeout), timeout, health)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """See base class."""
        return self._attempts.run(
            lambda exporter: exporter.export(metrics_data, timeout_millis, **kwargs)
        )

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """See base class; nothing is kept here."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """See base class."""
        self._attempts.shutdown()


class LogExporter(log_sdk.LogRecordExporter):
    """Exports log records.

    Args:
        to: Where to.
        timeout: Seconds an attempt may take.
        health: Receives the outcome of each export.
    """

    def __init__(self, to: Destination, timeout: float, health: Health) -> None:
        make = exporters_for(to.protocol).log_exporter
        self._attempts = Attempts(
            "log records", lambda: make(to.endpoint, timeout), timeout, health
        )

    def export(self, batch: Sequence[ReadableLogRecord]) -> log_sdk.LogRecordExportResult:
        """See base class."""
        return self._attempts.run(lambda exporter: exporter.export(batch))

    def shutdown(self) -> None:
        """See base class."""
        self._attempts.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class; nothing is kept here."""
        return True
