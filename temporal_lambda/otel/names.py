"""This package's own names in telemetry, where no semantic convention has one."""

from __future__ import annotations

SCOPE = "temporal_lambda"
"""The instrumentation scope of this package's spans and metrics."""

TASK_QUEUE = "task_queue"
"""The label that Core's own metrics use."""

STOP_REASON = "temporal_lambda.stop_reason"
ABANDONED = "temporal_lambda.abandoned"
CONNECTION = "temporal_lambda.connection"
