"""The functions a configure callback calls to switch telemetry on."""

from __future__ import annotations

import os
from datetime import timedelta

from temporalio.runtime import OpenTelemetryConfig, TelemetryConfig

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import ConfigureError
from temporal_lambda.otel.current import CURRENT
from temporal_lambda.otel.flush import Flusher
from temporal_lambda.otel.log_fields import add_log_fields
from temporal_lambda.otel.log_records import send_records
from temporal_lambda.otel.options import DEFAULT_ENDPOINT, OtelOptions, Resolved, resolve
from temporal_lambda.otel.providers import watch_spans
from temporal_lambda.otel.report_metrics import ReportMetrics
from temporal_lambda.otel.spans import InvocationSpan, trace_temporal
from temporal_lambda.otel.telemetry import span_flusher, telemetry_for, use_runtime
from temporal_lambda.otel.variables import is_disabled


def apply_defaults(config: LambdaWorkerConfig, options: OtelOptions | None = None) -> None:
    """Trace and measure this invocation, and export everything before the handler returns.

    With ``OTEL_SDK_DISABLED=true`` nothing is made, and only log lines get their fields.

    The first call creates, for the life of the process, a tracer provider and a meter provider that
    export over OTLP (unless a layer or your code has set global ones) and a Core runtime whose
    metrics go to the meter provider. Later calls only attach the invocation to them.

    Appends a plugin to ``worker_config`` and an interceptor to ``client_connect_config``; append to
    these lists yourself rather than replace them. The flush runs after the shutdown hooks and the
    code after your ``yield``, whether or not these succeed. Call this first in the callback, so
    that an error in the rest of it is traced too.

    Args:
        config: The configuration the callback received.
        options: Options; the defaults if ``None``.

    Raises:
        SettingsError: An option has an invalid value.
        ConfigureError: The configuration is that of another module.

    Example:
        >>> from temporal_lambda.otel import OtelOptions, apply_defaults
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     apply_defaults(config, OtelOptions(service_name="orders", add_temporal_spans=True))
        ...     config.worker_config["task_queue"] = "orders"
    """
    _check(config)
    options = options or OtelOptions()
    resolved = resolve(options)._replace(function_arn=config.invocation.function_arn)
    if is_disabled(os.environ):
        _only_logs(config, options)
        return
    telemetry = telemetry_for(resolved)
    metrics = telemetry.metrics
    if metrics:
        use_runtime(config, metrics.runtime)
    _connect(config, options, resolved, telemetry.flusher, metrics.report if metrics else None)


def apply_tracing(config: LambdaWorkerConfig, options: OtelOptions | None = None) -> None:
    """Trace this invocation with the global tracer provider that you have set; no metrics.

    Set the provider before the call; any ``TracerProvider`` of OpenTelemetry's SDK will do. Without
    one nothing is traced, and one warning is logged.

    Args:
        config: The configuration the callback received.
        options: Only ``add_temporal_spans``, ``flush``, ``flush_timeout``, ``logs`` and, for
            ``flush="interval"``, ``metric_periodicity`` have an effect.

    Raises:
        SettingsError: An option has an invalid value.
        ConfigureError: The configuration is that of another module.

    Example:
        >>> from temporal_lambda.otel import OtelOptions, apply_tracing
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     apply_tracing(config, OtelOptions(add_temporal_spans=True))
        ...     config.worker_config["task_queue"] = "orders"
    """
    _check(config)
    options = options or OtelOptions()
    resolved = resolve(options)
    if is_disabled(os.environ):
        _only_logs(config, options)
        return
    _connect(config, options, resolved, span_flusher(), None)


def apply_logging(config: LambdaWorkerConfig) -> None:
    """Add the request, workflow, activity and trace to every log line that belongs to one.

    The existing log handlers add the fields: as members of the object in Lambda's JSON format,
    before the message in text format, and only as attributes of the record if you have set your own
    formatter. No handler is added, so no line is written twice. Loggers below ``temporalio`` and
    ``temporal_lambda`` take the level of ``AWS_LAMBDA_LOG_LEVEL``. Lines of Temporal's Core are
    left as they are, unless Lambda's format is JSON; ``OtelOptions(logs=True)`` covers these too.

    Args:
        config: The configuration the callback received.

    Example:
        >>> from temporal_lambda.otel import apply_logging
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     apply_logging(config)
        ...     config.worker_config["task_queue"] = "orders"
    """
    _check(config)
    CURRENT.begin(config)
    add_log_fields()


def build_metrics_telemetry_config(
    *, endpoint: str = "", service_name: str = "", metric_periodicity: timedelta | None = None
) -> TelemetryConfig:
    """Let Core export its metrics itself, periodically.

    Core can't be flushed, so what it has not exported when the handler returns is late or lost;
    ``apply_defaults`` does not have this problem. Use this only to build a runtime yourself.

    Args:
        endpoint: The collector, for OTLP over gRPC; ``http://localhost:4317`` if empty.
        service_name: Value of the label ``service_name`` on every metric; no label if empty.
        metric_periodicity: Time between exports; ``None`` for Core's default, 1 s.

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


def _check(config: object) -> None:
    if not isinstance(config, LambdaWorkerConfig):
        raise ConfigureError(
            "telemetry needs the configuration of temporal_lambda.run_worker; got a "
            f"{type(config).__module__}.{type(config).__qualname__}"
        )


def _only_logs(config: LambdaWorkerConfig, options: OtelOptions) -> None:
    if options.logs:
        apply_logging(config)


def _connect(
    config: LambdaWorkerConfig,
    options: OtelOptions,
    resolved: Resolved,
    flusher: Flusher,
    metrics: ReportMetrics | None,
) -> None:
    """Attach an invocation to the telemetry of the process."""
    _only_logs(config, options)
    CURRENT.begin(config)
    if "logs" in resolved.destinations:
        send_records()
    watch_spans()
    trace_temporal(config, add_temporal_spans=options.add_temporal_spans)
    span = InvocationSpan(config.invocation, follow_x_ray=resolved.follow_x_ray)

    async def flush_telemetry() -> None:
        report = config.invocation.report()
        span.end(report)
        if metrics:
            metrics.record(report, config.worker_config.get("task_queue") or "unknown")
        await flusher.flush(resolved, config.invocation.remaining_hook_time())

    # Not a hook: it includes what hooks and teardown measure, and whether they fail.
    config.invocation.last_steps.append(("telemetry", flush_telemetry))
