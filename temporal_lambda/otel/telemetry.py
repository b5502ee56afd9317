"""The telemetry of a process: created once, and used by all its invocations."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from functools import cache

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.otel.background import Background
from temporal_lambda.otel.core_metrics import BUFFER_SIZE, CoreMetrics
from temporal_lambda.otel.flush import Flusher
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.options import Resolved
from temporal_lambda.otel.providers import (
    adopted,
    can_flush_logs,
    ensure_logger_provider,
    ensure_meter_provider,
    ensure_tracer_provider,
)
from temporal_lambda.otel.report_metrics import ReportMetrics
from temporal_lambda.otel.variables import SIGNALS, Signal, unhonoured
from temporal_lambda.runtime.core_log import core_logging

logger = logging.getLogger(__name__)

DRAIN_INTERVAL = 1.0
"""Seconds between drains of Core's buffer while an invocation runs."""

SAID: Mapping[Signal, str] = {"traces": "spans", "metrics": "metrics", "logs": "log records"}
"""What the signals consist of, for warnings."""


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
                logging=core_logging(through_python=options.logs),
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
        self._core.settle()
        flush = getattr(self._provider, "force_flush", None)
        if flush:
            flush()


class Telemetry:
    """The telemetry for one destination.

    Args:
        options: Destinations, timeouts and periods.
        environ: Environment variables.

    Attributes:
        metrics: Metrics; ``None`` if they are not exported.
        flusher: Exports everything.
    """

    def __init__(self, options: Resolved, environ: Mapping[str, str] = os.environ) -> None:
        theirs = adopted()
        _tell_of_variables(tuple(unhonoured(set(options.destinations) - set(theirs), environ)))
        places = {signal: to.endpoint for signal, to in options.destinations.items()} | theirs
        health = Health({SAID[signal]: place for signal, place in places.items()})
        ensure_tracer_provider(options, health)
        self.metrics: Metrics | None = None
        signals = {"spans": span_export()}
        if "metrics" in options.destinations:
            self.metrics = Metrics(options, health)
            signals["metrics"] = self.metrics.export
        self._health = health
        self.flusher = Flusher(health, signals, more=log_signal)

    def adapt(self, options: Resolved) -> None:
        """Take over what may differ from call to call."""
        if self.metrics:
            self.metrics.period = options.metric_period
        if "logs" in options.destinations:
            ensure_logger_provider(options, self._health)


_telemetry: dict[tuple[object, ...], Telemetry] = {}
_lock = threading.Lock()


def telemetry_for(options: Resolved) -> Telemetry:
    """This process's telemetry for a destination; created at the first call."""
    with _lock:
        if options.key not in _telemetry:
            _telemetry[options.key] = Telemetry(options)
        telemetry = _telemetry[options.key]
        telemetry.adapt(options)
        return telemetry


@cache
def span_export() -> Background:
    """The thread that flushes the global tracer provider, whichever it is."""
    return Background("temporal-lambda-spans", lambda: _flush(trace.get_tracer_provider()))


@cache
def log_export() -> Background:
    """The thread that flushes the global logger provider, whichever it is."""
    return Background("temporal-lambda-logs", lambda: _flush(get_logger_provider()))


def log_signal() -> Mapping[str, Background]:
    """The signal of log records, once somebody has set a provider for it."""
    return {SAID["logs"]: log_export()} if can_flush_logs() else {}


@cache
def span_flusher() -> Flusher:
    """A flusher for an application that has set its own providers."""
    places = {
        SAID[signal]: f"the endpoint of your provider of {SAID[signal]}" for signal in SIGNALS
    }
    places["spans"] = "the tracer provider's endpoint"
    return Flusher(Health(places), {"spans": span_export()}, more=log_signal)


def _flush(provider: object) -> None:
    flush = getattr(provider, "force_flush", None)
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


@cache
def _tell_of_variables(names: tuple[str, ...]) -> None:
    if names:
        logger.warning("these variables have no effect here: %s", "; ".join(names))
