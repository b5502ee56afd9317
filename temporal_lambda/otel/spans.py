"""The span of an invocation, and the tracing of Temporal's operations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import temporalio.client
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from temporalio.contrib.opentelemetry import OpenTelemetryInterceptor, OpenTelemetryPlugin
from temporalio.worker import WorkerConfig

from temporal_lambda import __version__
from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.otel import names, xray
from temporal_lambda.otel.adoption import workflows_can_be_traced
from temporal_lambda.otel.current import CURRENT
from temporal_lambda.otel.names import ABANDONED, CONNECTION, NEVER_ENDED, SCOPE, STOP_REASON


class TracingPlugin(OpenTelemetryPlugin):
    """Temporal's plugin, after making the global provider meet its requirements."""

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class."""
        if any(_is_theirs(plugin) for plugin in config.get("plugins", [])):
            # Each would record all spans.
            return config
        return super().configure_worker(config) if workflows_can_be_traced() else config


def _is_theirs(plugin: object) -> bool:
    return isinstance(plugin, OpenTelemetryPlugin) and not isinstance(plugin, TracingPlugin)


class ClientSpans(temporalio.client.Interceptor):
    """Temporal's interceptor, for the client only; the worker gets one from its plugin.

    Args:
        add_temporal_spans: Whether to record the client's calls as spans.
    """

    def __init__(self, *, add_temporal_spans: bool) -> None:
        self._interceptor = OpenTelemetryInterceptor(add_temporal_spans)

    def intercept_client(
        self, next: temporalio.client.OutboundInterceptor
    ) -> temporalio.client.OutboundInterceptor:
        """See base class."""
        return self._interceptor.intercept_client(next)


def trace_temporal(config: LambdaWorkerConfig, *, add_temporal_spans: bool) -> None:
    """Make worker and client propagate the trace, and record Temporal's spans if asked to."""
    plugin = TracingPlugin(add_temporal_spans=add_temporal_spans)
    config.worker_config["plugins"] = [*config.worker_config.get("plugins", []), plugin]
    connect = config.client_connect_config
    interceptors = connect.get("interceptors", [])
    connect["interceptors"] = [*interceptors, ClientSpans(add_temporal_spans=add_temporal_spans)]


class InvocationSpan:
    """The span of one invocation, from the moment its handler was entered.

    Its parent is the invocation's X-Ray segment, if X-Ray samples it; otherwise it starts a new
    trace, linked to that segment, and OpenTelemetry's sampler decides, unless X-Ray is to be
    followed. If a layer has already
    wrapped the handler in a span, that span is the parent. Spans started in the configure callback
    and in hooks are its children. Workflows and activities belong to the traces of their callers,
    and carry the invocation's id as an attribute.

    Args:
        invocation: The invocation.
        follow_x_ray: Whether what X-Ray does not sample is not sampled.
        environ: Environment variables.
    """

    def __init__(
        self,
        invocation: InvocationInfo,
        *,
        follow_x_ray: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._invocation = invocation
        parent, links, kind = _origin(environ, follow_x_ray)
        self._span = trace.get_tracer(SCOPE, __version__, schema_url=names.SCHEMA_URL).start_span(
            environ.get("AWS_LAMBDA_FUNCTION_NAME") or "invocation",
            context=parent,
            links=links,
            kind=kind,
            start_time=int(invocation.begun_at * 1e9),
            attributes=_known_at_begin(invocation),
        )
        CURRENT.span_context = self._span.get_span_context()
        # Each invocation runs in its own context, so there is nothing to detach.
        context.attach(trace.set_span_in_context(self._span))

    def end(self, report: Mapping[str, Any]) -> None:
        """Set the outcome, and end the span.

        Args:
            report: The result of ``InvocationInfo.report()``.
        """
        self._span.set_attribute(STOP_REASON, report["stop_reason"] or "error")
        self._span.set_attribute(ABANDONED, len(report["abandoned"]))
        if report["never_ended"]:
            self._span.set_attribute(NEVER_ENDED, report["never_ended"]["request_id"] or "unknown")
        if report["connection"]:
            self._span.set_attribute(CONNECTION, report["connection"])
        for kind, count in (report["tasks"] or {}).items():
            self._span.set_attribute(f"{SCOPE}.tasks.{kind}", count)
        if report["errors"]:
            self._span.set_status(Status(StatusCode.ERROR, report["errors"][0]))
        self._span.end()


def _origin(environ: Mapping[str, str], follow_x_ray: bool) -> tuple[Context, list[Link], SpanKind]:
    """Parent context, links and kind of the invocation's span."""
    if trace.get_current_span().get_span_context().is_valid:
        return context.get_current(), [], SpanKind.INTERNAL
    segment = xray.span_context(environ.get(xray.VARIABLE, ""))
    if segment is None:
        return Context(), [], SpanKind.SERVER
    if not (segment.trace_flags.sampled or follow_x_ray):
        return Context(), [Link(segment)], SpanKind.SERVER
    parent = trace.set_span_in_context(trace.NonRecordingSpan(segment), Context())
    return parent, [], SpanKind.SERVER


def _known_at_begin(invocation: InvocationInfo) -> dict[str, str | bool]:
    attributes: dict[str, str | bool] = {
        names.FAAS_TRIGGER: "other",
        names.FAAS_COLDSTART: invocation.cold,
    }
    if invocation.request_id:
        attributes[names.INVOCATION_ID] = invocation.request_id
    if arn := invocation.function_arn:
        attributes[names.INVOKED_ARN] = arn
        # The convention asks for the ARN without alias or version.
        attributes[names.CLOUD_RESOURCE_ID] = ":".join(arn.split(":")[:7])
    return attributes
