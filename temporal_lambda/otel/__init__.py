"""OpenTelemetry for workers in Lambda: traces, metrics and log fields that are there when the
handler returns.

A Lambda environment is frozen the moment the handler returns, and what waits for a background
timer then is late or lost. Here, providers, exporters and Core's runtime are made once per process,
and each invocation ends with a flush, off the event loop and within the time there is.

``apply_defaults(config)`` in the configure callback is all most functions need. Needs the extra:
``pip install 'temporal-lambda[otel]'``.
"""

from __future__ import annotations

from temporal_lambda.errors import MissingExtraError

try:
    from temporal_lambda.otel.apply import (
        apply_defaults,
        apply_logging,
        apply_tracing,
        build_metrics_telemetry_config,
    )
    from temporal_lambda.otel.options import FlushPolicy, OtelOptions
except ImportError as error:
    raise MissingExtraError("temporal_lambda.otel", "otel", error) from error

__all__ = [
    "FlushPolicy",
    "OtelOptions",
    "apply_defaults",
    "apply_logging",
    "apply_tracing",
    "build_metrics_telemetry_config",
]
