"""Names of ours in telemetry, where no semantic convention has one."""

from __future__ import annotations

SCOPE = "temporal_lambda"
"""The instrumentation scope of our spans and metrics."""

TASK_QUEUE = "task_queue"
"""As Core's own metrics call it."""

STOP_REASON = "temporal_lambda.stop_reason"
ABANDONED = "temporal_lambda.abandoned"
CONNECTION = "temporal_lambda.connection"
