"""Sends Core's metrics and this package's own to a meter provider.

Core writes into a ``MetricBuffer``, and temporalio's ``MetricsExporter`` reads it. That exporter is
made for one worker and one event loop, and identifies metrics by the addresses of Core's objects.
Here, each invocation has its own worker and loop, and Core reuses addresses. So each drain of the
buffer uses a new exporter, on a background thread; the instruments are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    MeterProvider,
    NoOpMeter,
    ObservableGauge,
    Observation,
)
from opentelemetry.util.types import Attributes
from temporalio.contrib.opentelemetry import MetricsExporter
from temporalio.runtime import MetricBuffer

from temporal_lambda.otel.names import SCOPE, TASK_QUEUE

BUFFER_SIZE = 20_000
"""Updates that fit between two drains, a second apart. One task causes about a dozen."""

GaugeCallback = Callable[[CallbackOptions], Iterable[Observation]]


class CoreMetrics:
    """Moves Core's metrics from their buffer to a meter provider.

    Args:
        buffer: The buffer the runtime was created with.
        provider: Creates the instruments, each once.
    """

    def __init__(self, buffer: MetricBuffer, provider: MeterProvider) -> None:
        self._buffer = buffer
        self._provider = provider

    def drain(self) -> None:
        """Export everything in the buffer. Must not be called from within an event loop."""
        gauges = _Gauges(self._provider)
        asyncio.run(_export_once(MetricsExporter(self._buffer, gauges)))
        gauges.settle()


async def _export_once(exporter: MetricsExporter) -> None:
    # If it is stopped before it has begun, it drains once.
    await asyncio.gather(exporter.shutdown(), exporter.run())


class _Gauges(MeterProvider):
    """A provider whose observable gauges are gauges that can be set.

    An instrument keeps the callbacks it was created with, which would be those of the first
    exporter for ever.
    """

    def __init__(self, provider: MeterProvider) -> None:
        self._provider = provider
        self._meters: list[_Meter] = []

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> Meter:
        meter = _Meter(self._provider.get_meter(name, version, schema_url, attributes))
        self._meters.append(meter)
        return meter

    def settle(self) -> None:
        for meter in self._meters:
            meter.settle()


class _Meter(NoOpMeter):
    def __init__(self, meter: Meter) -> None:
        super().__init__(meter.name, meter.version, meter.schema_url)
        self._meter = meter
        self._callbacks: list[tuple[str, str, str, GaugeCallback]] = []

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        return self._meter.create_counter(name, unit, description)

    def create_histogram(
        self, name: str, unit: str = "", description: str = "", **options: Any
    ) -> Histogram:
        return self._meter.create_histogram(name, unit, description, **options)

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[Any] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableGauge:
        self._callbacks += [(name, unit, description, callback) for callback in callbacks or []]
        return super().create_observable_gauge(name, callbacks, unit, description)

    def settle(self) -> None:
        for name, unit, description, callback in self._callbacks:
            gauge = self._meter.create_gauge(name, unit, description)
            for observation in callback(CallbackOptions()):
                gauge.set(observation.value, observation.attributes)


class ReportMetrics:
    """Records an invocation's report as metrics.

    Args:
        provider: Creates the instruments.
    """

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter(SCOPE)
        self._invocations = meter.create_counter(
            "temporal_lambda.invocations", "{invocation}", "Invocations"
        )
        self._abandoned = meter.create_counter(
            "temporal_lambda.abandoned", "{task}", "Work that did not stop in time"
        )
        self._billed = meter.create_counter(
            "temporal_lambda.billed_duration",
            "ms",
            "From the handler's entry to the flush, rounded up to whole milliseconds; an estimate "
            "of what Lambda bills, without a cold start's init",
        )
        self._busy = meter.create_counter(
            "temporal_lambda.busy_time", "ms", "Time with a task in flight"
        )
        self._idle = meter.create_counter(
            "temporal_lambda.idle_time", "ms", "Working time without a task in flight"
        )

    def record(self, report: Mapping[str, Any], task_queue: str) -> None:
        """Count an invocation.

        Args:
            report: ``InvocationInfo.report()``.
            task_queue: The task queue it served.
        """
        attributes = {TASK_QUEUE: task_queue}
        outcome = {
            **attributes,
            "cold": bool(report["cold"]),
            "stop_reason": report["stop_reason"] or "error",
            "failed": bool(report["errors"]),
        }
        self._invocations.add(1, outcome)
        self._abandoned.add(len(report["abandoned"]), attributes)
        self._billed.add(-(-report["duration_ms"] // 1), attributes)
        if report["busy_ms"] is not None:
            self._busy.add(report["busy_ms"], attributes)
            self._idle.add(report["idle_ms"], attributes)
