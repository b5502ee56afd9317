"""Makes metrics of the reports of invocations.

Some are this package's own; those that begin with ``faas`` are of OpenTelemetry's semantic
conventions, so that ready-made dashboards find them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.metrics import MeterProvider

from temporal_lambda import __version__
from temporal_lambda.otel.names import FAAS_TRIGGER, SCHEMA_URL, SCOPE, TASK_QUEUE

SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0, 300.0, 900.0),
)
"""Bounds of durations: those of the conventions, and on to the longest an invocation may last."""

MEGABYTES = 1024 * 1024
MEMORY = tuple(size * MEGABYTES for size in (64, 128, 256, 512, 1024, 2048, 4096, 10_240))
"""Bounds of memory in bytes: sizes that functions have."""

TRIGGER = {FAAS_TRIGGER: "other"}


class ReportMetrics:
    """Records an invocation's report as metrics.

    Args:
        provider: Creates the instruments.
    """

    def __init__(self, provider: MeterProvider) -> None:
        own = provider.get_meter(SCOPE, __version__)
        self._invocations = own.create_counter(
            "temporal_lambda.invocations", "{invocation}", "Invocations"
        )
        self._abandoned = own.create_counter(
            "temporal_lambda.abandoned", "{task}", "Work that did not stop in time"
        )
        self._never_ended = own.create_counter(
            "temporal_lambda.never_ended",
            "{invocation}",
            "Invocations that were killed, as the next one in their environment found",
        )
        self._billed = own.create_counter(
            "temporal_lambda.billed_duration",
            "ms",
            "From the handler's entry to the flush, rounded up to whole milliseconds; an estimate "
            "of what Lambda bills, without a cold start's init",
        )
        self._busy = own.create_counter(
            "temporal_lambda.busy_time", "ms", "Time with a task in flight"
        )
        self._idle = own.create_counter(
            "temporal_lambda.idle_time", "ms", "Working time without a task in flight"
        )
        self._faas = _Conventional(provider)

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
        self._never_ended.add(int(bool(report["never_ended"])), attributes)
        self._billed.add(-(-report["duration_ms"] // 1), attributes)
        if report["busy_ms"] is not None:
            self._busy.add(report["busy_ms"], attributes)
            self._idle.add(report["idle_ms"], attributes)
        self._faas.record(report, {**TRIGGER, **attributes})


class _Conventional:
    """The metrics of the semantic conventions for FaaS."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter(SCOPE, __version__, schema_url=SCHEMA_URL)
        self._invocations = meter.create_counter(
            "faas.invocations", "{invocation}", "Number of successful invocations"
        )
        self._errors = meter.create_counter("faas.errors", "{error}", "Number of invocation errors")
        self._coldstarts = meter.create_counter(
            "faas.coldstarts", "{coldstart}", "Number of invocation cold starts"
        )
        self._duration = meter.create_histogram(
            "faas.invoke_duration",
            "s",
            "Duration of the invocation, from the handler's entry to the flush",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._init = meter.create_histogram(
            "faas.init_duration",
            "s",
            "Duration of the function's initialization",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._memory = meter.create_histogram(
            "faas.mem_usage",
            "By",
            "Peak resident memory of the process",
            explicit_bucket_boundaries_advisory=MEMORY,
        )

    def record(self, report: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        (self._errors if report["errors"] else self._invocations).add(1, attributes)
        self._coldstarts.add(int(report["cold"]), attributes)
        self._duration.record(report["duration_ms"] / 1000, attributes)
        if report["init_ms"] is not None:
            self._init.record(report["init_ms"] / 1000, attributes)
        if report["peak_memory_mb"] is not None:
            self._memory.record(report["peak_memory_mb"] * MEGABYTES, attributes)
