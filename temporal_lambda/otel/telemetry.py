"""The telemetry of a process: created once, and used by all its invocations."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from functools import cache

from opentelemetry import trace
from temporalio.runtime import LoggingConfig, MetricBuffer, Runtime, TelemetryConfig

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.otel.background import Background
from temporal_lambda.otel.flush import Flusher
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.logs import core_logging
from temporal_lambda.otel.metrics import BUFFER_SIZE, CoreMetrics, ReportMetrics
from temporal_lambda.otel.options import Resolved
from temporal_lambda.otel.providers import adopted, ensure_meter_provider, ensure_tracer_provider

logger = logging.getLogger(__name__)

DRAIN_INTERVAL = 1.0
"""Seconds between drains of Core's buffer while an invocation runs."""


class Metrics:
    """Core's metrics and this package's own, and the thread that exports them.

    Args:
        options: Destination and period.
        health: Receives the outcome of exports.

    Attributes:
        buffer: What Core has counted and was not drained yet.
        runtime: The runtime for clients, whose metrics go to the buffer.
        period: Seconds between exports while an invocation runs.
        report: Records reports as metrics.
        export: Exports everything on request.
    """

    def __init__(self, options: Resolved, health: Health) -> None:
        self._provider = ensure_meter_provider(options, health)
        self.period = options.metric_period
        self._exported_at = time.monotonic()
        self.buffer = MetricBuffer(BUFFER_SIZE)
        # The resource names the service. Core would put "temporal-core-sdk" on every metric.
        self.runtime = Runtime(
            telemetry=TelemetryConfig(
                logging=core_logging() if options.logs else LoggingConfig.default,
                metrics=self.buffer,
                attach_service_name=False,
            )
        )
        self._core = CoreMetrics(self.buffer, self._provider)
        self.report = ReportMetrics(self._provider)
        self.export = Background(
            "temporal-lambda-metrics", self._export, DRAIN_INTERVAL, self._drain
        )

    def _drain(self) -> None:
        if time.monotonic() - self._exported_at >= self.period:
            self._export()
        else:
            self._core.drain()

    def _export(self) -> None:
        self._exported_at = time.monotonic()
        self._core.drain()
        self._provider.force_flush()


class Telemetry:
    """The telemetry for one destination.

    Args:
        options: Destination, timeouts and periods.
        environ: Environment variables.

    Attributes:
        metrics: Metrics; ``None`` if ``OTEL_METRICS_EXPORTER`` is ``none``.
        flusher: Exports spans and metrics.
    """

    def __init__(self, options: Resolved, environ: Mapping[str, str] = os.environ) -> None:
        health = Health(options.endpoint, adopted())
        ensure_tracer_provider(options, health)
        signals = {"spans": span_export()}
        self.metrics: Metrics | None = None
        if environ.get("OTEL_METRICS_EXPORTER") != "none":
            self.metrics = Metrics(options, health)
            signals["metrics"] = self.metrics.export
        self.flusher = Flusher(health, signals)


_telemetry: dict[tuple[str, str], Telemetry] = {}
_lock = threading.Lock()


def telemetry_for(options: Resolved) -> Telemetry:
    """This process's telemetry for a destination; created at the first call."""
    with _lock:
        if options.destination not in _telemetry:
            _telemetry[options.destination] = Telemetry(options)
        telemetry = _telemetry[options.destination]
        if telemetry.metrics:
            telemetry.metrics.period = options.metric_period
        return telemetry


@cache
def span_export() -> Background:
    """The thread that flushes the global tracer provider, whichever it is."""
    return Background("temporal-lambda-spans", _flush_spans)


@cache
def span_flusher() -> Flusher:
    """A flusher for spans only, for an application that has set its own tracer provider."""
    return Flusher(Health("the tracer provider's endpoint"), {"spans": span_export()})


def _flush_spans() -> None:
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush:
        flush()


def use_runtime(config: LambdaWorkerConfig, runtime: Runtime) -> None:
    """Give the client this runtime, unless the callback has set another one."""
    connect = config.client_connect_config
    if connect.get("runtime") not in (None, runtime):
        _tell_of_foreign_runtime()
    else:
        connect["runtime"] = runtime


@cache
def _tell_of_foreign_runtime() -> None:
    logger.warning(
        'client_connect_config["runtime"] was set before apply_defaults and is kept, so Core\'s '
        "metrics are not exported by it"
    )
