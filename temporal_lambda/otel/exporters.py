"""OTLP exporters that report failures to ``Health`` instead of logging each one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from opentelemetry.exporter.otlp.proto.grpc.exporter import OTLPExporterMixin
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import export as sdk
from opentelemetry.sdk.trace.export import SpanExportResult

from temporal_lambda.otel.health import Health

Result = TypeVar("Result", bound=Enum)
Returned = TypeVar("Returned")
Exporter = TypeVar("Exporter", bound="_Exporter")

QUICK = 0.5
"""Share of the timeout within which a failed export is retried: a connection that died during the
freeze fails immediately, and the next one works."""

SPENT = 0.9
"""Share of the timeout that a failed export must have used for the connection to be replaced. Less
than 1, since the timeout may end a little early on this clock."""


CHANNEL = (("grpc.use_local_subchannel_pool", 1),)
"""Otherwise channels to one address share a connection, and a new channel would get the old one."""


class SpanExporter(sdk.SpanExporter):
    """Exports spans.

    Args:
        endpoint: The collector.
        timeout: Seconds an attempt may take.
        health: Receives the outcome of each export.
    """

    def __init__(self, endpoint: str, timeout: float, health: Health) -> None:
        arguments = _arguments(endpoint, timeout)
        inner = _Inner(lambda: OTLPSpanExporter(**arguments), timeout)
        self._attempts = _Attempts("spans", inner, health)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See base class."""
        return self._attempts.run(lambda exporter: exporter.export(spans))

    def shutdown(self) -> None:
        """See base class."""
        self._attempts.inner.current.shutdown()


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
        _, messages = _catching(lambda: super(SpanBatches, self).on_end(span))
        if messages:
            self._health.dropped()


class MetricExporter(OTLPMetricExporter):
    """Exports metrics.

    It inherits from OpenTelemetry's exporter for the preferences which that reads from the
    environment. The exports are made by an inner exporter, which can be replaced.

    Args:
        endpoint: The collector.
        timeout: Seconds an attempt may take.
        health: Receives the outcome of each export.
    """

    def __init__(self, endpoint: str, timeout: float, health: Health) -> None:
        arguments = _arguments(endpoint, timeout)
        super().__init__(**arguments)
        inner = _Inner(lambda: OTLPMetricExporter(**arguments), timeout)
        self._attempts = _Attempts("metrics", inner, health)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """See base class."""
        return self._attempts.run(
            lambda exporter: exporter.export(metrics_data, timeout_millis, **kwargs)
        )

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """See base class."""
        self._attempts.inner.current.shutdown(timeout_millis, **kwargs)
        super().shutdown(timeout_millis, **kwargs)


class _Exporter(Protocol):
    def shutdown(self) -> None: ...


class _Inner(Generic[Exporter]):
    """One of OpenTelemetry's exporters, which can be replaced by one with a new connection."""

    def __init__(self, make: Callable[[], Exporter], timeout: float) -> None:
        self._make = make
        self.timeout = timeout
        self.current = make()

    def replace(self) -> None:
        self.current.shutdown()
        self.current = self._make()


class _Attempts(Generic[Exporter]):
    def __init__(self, signal: str, inner: _Inner[Exporter], health: Health) -> None:
        self._signal = signal
        self._health = health
        self.inner = inner

    def run(self, export: Callable[[Exporter], Result]) -> Result:
        begun = time.monotonic()
        result, reason = _quietly(lambda: export(self.inner.current))
        if _failed(result) and time.monotonic() - begun < QUICK * self.inner.timeout:
            result, reason = _quietly(lambda: export(self.inner.current))
        if not _failed(result):
            self._health.succeeded(self._signal)
            return result
        self._health.failed(self._signal, reason)
        if time.monotonic() - begun >= SPENT * self.inner.timeout:
            # Its peer may have vanished during the freeze, without closing the connection.
            self.inner.replace()
        return result


def _failed(result: Enum) -> bool:
    # Both signals' results have the same members.
    return result.name != "SUCCESS"


def _quietly(export: Callable[[], Result]) -> tuple[Result, str]:
    """Run an export; return what the exporter would have logged as the reason."""
    result, messages = _catching(export)
    return result, messages[-1] if messages else "no reason given"


def _catching(run: Callable[[], Returned]) -> tuple[Returned, list[str]]:
    messages: list[str] = []
    before, _caught.messages = _caught.messages, messages
    try:
        return run(), messages
    finally:
        _caught.messages = before


class _Caught(threading.local):
    """What OpenTelemetry logs on a thread that is exporting or collecting."""

    messages: list[str] | None = None


_caught = _Caught()


def _catch(record: logging.LogRecord) -> bool:
    if _caught.messages is None:
        return True
    _caught.messages.append(record.getMessage())
    return False


for _name in (OTLPExporterMixin.__module__, "opentelemetry.sdk._shared_internal"):
    # First in line: OpenTelemetry's own filter hides repeated messages from later ones.
    logging.getLogger(_name).filters.insert(0, _catch)


def _arguments(endpoint: str, timeout: float) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "insecure": not endpoint.startswith("https://"),
        "timeout": timeout,
        "channel_options": CHANNEL,
    }
