"""OTLP exporters that say what went wrong to us, and not to the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, TypeVar

from opentelemetry.exporter.otlp.proto.grpc.exporter import OTLPExporterMixin
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from temporal_lambda.otel.health import Health

Result = TypeVar("Result", bound=Enum)

QUICK = 0.5
"""The part of the timeout within which a failure is tried again: a connection that died in the
freeze fails at once, and the next one works."""


class SpanExporter(OTLPSpanExporter):
    """Exports spans.

    Args:
        endpoint: The collector.
        timeout: Seconds an attempt may take.
        health: Told of each result.
    """

    def __init__(self, endpoint: str, timeout: float, health: Health) -> None:
        super().__init__(endpoint=endpoint, insecure=_insecure(endpoint), timeout=timeout)
        self._attempts = _Attempts("spans", timeout, health)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See base class."""
        return self._attempts.run(lambda: super(SpanExporter, self).export(spans))


class MetricExporter(OTLPMetricExporter):
    """Exports metrics.

    Args:
        endpoint: The collector.
        timeout: Seconds an attempt may take.
        health: Told of each result.
    """

    def __init__(self, endpoint: str, timeout: float, health: Health) -> None:
        super().__init__(endpoint=endpoint, insecure=_insecure(endpoint), timeout=timeout)
        self._attempts = _Attempts("metrics", timeout, health)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """See base class."""
        return self._attempts.run(
            lambda: super(MetricExporter, self).export(metrics_data, timeout_millis, **kwargs)
        )


class _Attempts:
    def __init__(self, signal: str, timeout: float, health: Health) -> None:
        self._signal = signal
        self._timeout = timeout
        self._health = health

    def run(self, export: Callable[[], Result]) -> Result:
        begun = time.monotonic()
        result, reason = _quietly(export)
        if _failed(result) and time.monotonic() - begun < QUICK * self._timeout:
            result, reason = _quietly(export)
        if _failed(result):
            self._health.failed(self._signal, reason)
        else:
            self._health.succeeded(self._signal)
        return result


def _failed(result: Enum) -> bool:
    # Both signals' results have the same members.
    return result.name != "SUCCESS"


def _quietly(export: Callable[[], Result]) -> tuple[Result, str]:
    """Run an export; what the exporter would have logged is returned as the reason."""
    messages: list[str] = []
    _caught.messages = messages
    try:
        return export(), messages[-1] if messages else "no reason is known"
    finally:
        _caught.messages = None


class _Caught(threading.local):
    """What the exporter says on a thread that exports for us."""

    messages: list[str] | None = None


_caught = _Caught()


def _catch(record: logging.LogRecord) -> bool:
    if _caught.messages is None:
        return True
    _caught.messages.append(record.getMessage())
    return False


# First, since the exporters' own filter hides what is said twice from those after it.
logging.getLogger(OTLPExporterMixin.__module__).filters.insert(0, _catch)


def _insecure(endpoint: str) -> bool:
    return not endpoint.startswith("https://")
