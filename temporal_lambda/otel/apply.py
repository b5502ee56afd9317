"""What a configure callback calls."""

from __future__ import annotations

from datetime import timedelta

from temporalio.runtime import OpenTelemetryConfig, TelemetryConfig

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.otel.current import CURRENT
from temporal_lambda.otel.flush import Flusher
from temporal_lambda.otel.logs import add_log_fields
from temporal_lambda.otel.metrics import ReportMetrics
from temporal_lambda.otel.options import DEFAULT_ENDPOINT, OtelOptions, Resolved, resolve
from temporal_lambda.otel.providers import watch_spans
from temporal_lambda.otel.spans import InvocationSpan, trace_temporal
from temporal_lambda.otel.telemetry import span_flusher, telemetry_for, use_runtime


def apply_defaults(config: LambdaWorkerConfig, options: OtelOptions | None = None) -> None:
    """Trace and measure this invocation, and send it all before the handler returns.

    Made at the first call, and kept for the life of the process: a tracer provider and a meter
    provider that export over OTLP (or those that are set globally already, by a layer or by your
    code), and a Core runtime whose metrics go to the meter provider. Later calls only connect the
    invocation with them.

    Appends a plugin to ``worker_config`` and an interceptor to ``client_connect_config``. The flush
    comes after the shutdown hooks and the code after your ``yield``, whatever became of them. Call
    this first, so that an error in the rest of the callback is told as well, and add to these lists
    rather than replace them.

    Args:
        config: The configuration the callback received.
        options: Deviations from the defaults.

    Raises:
        SettingsError: An option has no such value.

    Example:
        >>> from temporal_lambda.otel import OtelOptions, apply_defaults
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     apply_defaults(config, OtelOptions(service_name="orders", add_temporal_spans=True))
        ...     config.worker_config["task_queue"] = "orders"
    """
    options = options or OtelOptions()
    resolved = resolve(options)
    telemetry = telemetry_for(resolved)
    metrics = telemetry.metrics
    if metrics:
        use_runtime(config, metrics.runtime)
    _connect(config, options, resolved, telemetry.flusher, metrics.report if metrics else None)


def apply_tracing(config: LambdaWorkerConfig, options: OtelOptions | None = None) -> None:
    """Trace this invocation with the tracer provider that you have set; no metrics.

    Set it globally before; any of the SDK's will do. Without one nothing is traced, and one warning
    says so.

    Args:
        config: The configuration the callback received.
        options: ``add_temporal_spans``, ``flush``, ``flush_timeout`` and, for
            ``flush="interval"``, ``metric_periodicity`` count.

    Raises:
        SettingsError: An option has no such value.
    """
    options = options or OtelOptions()
    _connect(config, options, resolve(options), span_flusher(), None)


def apply_logging(config: LambdaWorkerConfig) -> None:
    """Let log lines say which request, workflow, activity and trace they belong to.

    The handlers that are there add the fields: as members in Lambda's JSON format, before the
    message in text, to the record alone where a formatter of your own makes the line. No handler is
    added, so no line is written twice. Loggers below ``temporalio`` and ``temporal_lambda`` take
    the level of ``AWS_LAMBDA_LOG_LEVEL``. Core's own lines stay as they are: its runtime decides,
    which ``OtelOptions(logs=True)`` makes accordingly.

    Args:
        config: The configuration the callback received.
    """
    CURRENT.begin(config.invocation.request_id)
    add_log_fields()


def build_metrics_telemetry_config(
    *, endpoint: str = "", service_name: str = "", metric_periodicity: timedelta | None = None
) -> TelemetryConfig:
    """Let Core export its metrics itself, periodically.

    Core has no way to be flushed, so what it has not exported when the handler returns is late or
    lost; ``apply_defaults`` does without. Use this to put a runtime of your own together.

    Args:
        endpoint: The collector, for OTLP over gRPC; ``http://localhost:4317`` if empty.
        service_name: Becomes the label ``service_name`` of every metric, if not empty.
        metric_periodicity: How often; Core's default if ``None``, which is 1 s.

    Example:
        >>> telemetry = build_metrics_telemetry_config(service_name="orders")
        >>> telemetry.global_tags
        {'service_name': 'orders'}
    """
    return TelemetryConfig(
        metrics=OpenTelemetryConfig(
            url=endpoint or DEFAULT_ENDPOINT, metric_periodicity=metric_periodicity
        ),
        global_tags={"service_name": service_name} if service_name else {},
    )


def _connect(
    config: LambdaWorkerConfig,
    options: OtelOptions,
    resolved: Resolved,
    flusher: Flusher,
    metrics: ReportMetrics | None,
) -> None:
    """Connect an invocation with what the process has."""
    if options.logs:
        apply_logging(config)
    CURRENT.begin(config.invocation.request_id)
    watch_spans()
    trace_temporal(config, add_temporal_spans=options.add_temporal_spans)
    span = InvocationSpan(config.invocation)

    async def flush_telemetry() -> None:
        report = config.invocation.report()
        span.end(report)
        if metrics:
            metrics.record(report, config.worker_config.get("task_queue") or "unknown")
        await flusher.flush(resolved, config.invocation.remaining_hook_time())

    # Not a hook: what hooks and teardown measure, and whether they fail, is part of it.
    config.invocation.last_steps.append(("telemetry", flush_telemetry))
