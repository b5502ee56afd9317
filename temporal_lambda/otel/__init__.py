"""OpenTelemetry for workers in Lambda: traces, metrics and log fields, exported before the handler
returns.

Lambda freezes an environment when the handler returns, so anything that waits for a background
timer is then late or lost. Here, providers, exporters and Core's runtime are created once per
process, and each invocation ends with a flush, off the event loop and within the time that is left.

``apply_defaults(config)`` in the configure callback is all that most functions need. This package
needs the extra ``otel`` or ``otel-http``.
"""

from __future__ import annotations

import os

from temporal_lambda.errors import MissingExtraError

try:
    from temporal_lambda.otel.apply import (
        apply_defaults,
        apply_logging,
        apply_tracing,
        build_metrics_telemetry_config,
    )
    from temporal_lambda.otel.backends import Backend
    from temporal_lambda.otel.log_fields import LogFields
    from temporal_lambda.otel.options import FlushPolicy, OtelOptions
    from temporal_lambda.otel.providers import import_exporters
    from temporal_lambda.otel.variables import is_disabled
except ModuleNotFoundError as error:
    raise MissingExtraError("temporal_lambda.otel", "otel", error) from error

if not is_disabled(os.environ):
    # In Lambda's init, and not in the first invocation.
    import_exporters()

__all__ = [
    "Backend",
    "FlushPolicy",
    "LogFields",
    "OtelOptions",
    "apply_defaults",
    "apply_logging",
    "apply_tracing",
    "build_metrics_telemetry_config",
]
