"""Processors for every span of this process, whichever provider records it."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.semconv.trace import SpanAttributes
from temporalio import workflow

from temporal_lambda.otel.current import CURRENT


class NamesInvocation(SpanProcessor):
    """Puts the request id on every span, so that an invocation's spans can be found."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See base class."""
        if CURRENT.request_id:
            span.set_attribute(SpanAttributes.FAAS_INVOCATION_ID, CURRENT.request_id)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class, which in old SDKs returns ``None``: flushing then ends here."""
        return True


class KeepsWorkflowSpansOpen(SpanProcessor):
    """Lets only the workflow itself end its spans.

    A worker that shuts down drops its cached workflows. When Python collects them, often in a later
    invocation, their open ``with`` blocks exit and would end their spans. But those workflows go on
    in another invocation, which ends the same spans, with the same ids.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See base class."""
        if not workflow.in_workflow():
            return
        begun_in, end = workflow.info(), span.end

        def end_in_workflow(end_time: int | None = None) -> None:
            if workflow.in_workflow() and workflow.info() is begun_in:
                end(end_time)

        span.end = end_in_workflow  # type: ignore[method-assign] # There is no hook that runs before it.

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class, which in old SDKs returns ``None``: flushing then ends here."""
        return True
