"""Sends Core's metrics to a meter provider.

Core writes into a ``MetricBuffer``. temporalio's ``MetricsExporter`` reads one for as long as a
worker and its event loop live, and identifies metrics by the addresses of Core's objects. Here each
invocation has its own worker and loop, and Core reuses addresses; so metrics go by their names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opentelemetry.metrics import Counter, Histogram, Meter, MeterProvider
from opentelemetry.util.types import AttributeValue
from temporalio.runtime import (
    BUFFERED_METRIC_KIND_COUNTER,
    BUFFERED_METRIC_KIND_GAUGE,
    BUFFERED_METRIC_KIND_HISTOGRAM,
    BufferedMetric,
    MetricBuffer,
)

BUFFER_SIZE = 20_000
"""Updates that fit between two drains, a second apart. One task causes about a dozen."""

Attributes = Mapping[str, AttributeValue]
Key = tuple[str, frozenset[tuple[str, AttributeValue]]]

SetsLevel = Callable[[float, Attributes], None]
"""A gauge's method; the API has no public name for a gauge."""

LEAST = "slots_available"
"""How the names of gauges end of which the least value counts, and not the most."""

TO_START = (100.0, 500.0, 1000.0, 5000.0, 10_000.0, 100_000.0, 1_000_000.0)
WORKFLOW_TASK = (1.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
MINUTE, HOUR = 60_000.0, 3_600_000.0
BUCKETS: Mapping[str, Sequence[float]] = {
    "workflow_endtoend_latency": (
        *(100.0, 500.0, 1000.0, 1500.0, 2000.0, 5000.0, 10_000.0, 30_000.0),
        *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE),
        *(HOUR, 8.5 * HOUR, 24 * HOUR),
    ),
    "workflow_task_execution_latency": WORKFLOW_TASK,
    "workflow_task_replay_latency": WORKFLOW_TASK,
    "activity_execution_latency": (50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0, 60_000.0),
    "workflow_task_schedule_to_start_latency": TO_START,
    "activity_schedule_to_start_latency": TO_START,
}
"""Bounds of histograms in milliseconds, as Core has them when it exports by itself."""

OTHER_BUCKETS = (50.0, 100.0, 500.0, 1000.0, 2500.0, 10_000.0)
"""Bounds of all other histograms in milliseconds, likewise Core's."""


def buckets_of(name: str, unit: str) -> Sequence[float] | None:
    """The bounds of one of Core's histograms; ``None`` for the SDK's, of what is no duration.

    Example:
        >>> buckets_of("temporal_activity_execution_latency", "ms")[-1]
        60000.0
    """
    if unit != "ms":
        return None
    return BUCKETS.get(name.removeprefix("temporal_"), OTHER_BUCKETS)


class CoreMetrics:
    """Moves Core's metrics from their buffer to a meter provider.

    Args:
        buffer: The buffer the runtime was created with.
        provider: Creates the instruments, each once.
    """

    def __init__(self, buffer: MetricBuffer, provider: MeterProvider) -> None:
        self._buffer = buffer
        self._meter: Meter = provider.get_meter("temporalio")
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, SetsLevel] = {}
        self._levels: dict[Key, float] = {}

    def drain(self) -> None:
        """Take everything out of the buffer."""
        for update in self._buffer.retrieve_updates():
            metric, kind = update.metric, update.metric.kind
            attributes: Attributes = dict(update.attributes)
            if kind == BUFFERED_METRIC_KIND_COUNTER:
                self._counter(metric).add(update.value, attributes)
            elif kind == BUFFERED_METRIC_KIND_HISTOGRAM:
                self._histogram(metric).record(update.value, attributes)
            elif kind == BUFFERED_METRIC_KIND_GAUGE:
                self._note_level(metric, attributes, update.value)

    def settle(self) -> None:
        """Set each gauge to the most, or least, that it was since it was last set.

        Whatever a worker uses is given back when it closes, so that the last value of each
        invocation would say nothing.
        """
        for (name, attributes), level in self._levels.items():
            self._gauges[name](level, dict(attributes))
        self._levels.clear()

    def _counter(self, metric: BufferedMetric) -> Counter:
        if metric.name not in self._counters:
            self._counters[metric.name] = self._meter.create_counter(
                metric.name, metric.unit or "", metric.description or ""
            )
        return self._counters[metric.name]

    def _histogram(self, metric: BufferedMetric) -> Histogram:
        if metric.name not in self._histograms:
            self._histograms[metric.name] = self._meter.create_histogram(
                metric.name,
                metric.unit or "",
                metric.description or "",
                explicit_bucket_boundaries_advisory=buckets_of(metric.name, metric.unit or ""),
            )
        return self._histograms[metric.name]

    def _note_level(self, metric: BufferedMetric, attributes: Attributes, level: float) -> None:
        if metric.name not in self._gauges:
            self._gauges[metric.name] = self._meter.create_gauge(
                metric.name, metric.unit or "", metric.description or ""
            ).set
        key = metric.name, frozenset(attributes.items())
        known = self._levels.get(key, level)
        self._levels[key] = min(known, level) if metric.name.endswith(LEAST) else max(known, level)
