"""What happens to every span of this process, whoever makes and exports it."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.semconv.trace import SpanAttributes
from temporalio import workflow

from temporal_lambda.otel.current import CURRENT


class NamesInvocation(SpanProcessor):
    """Puts the request id on every span, so that it can be found by its invocation."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See base class."""
        if CURRENT.request_id:
            span.set_attribute(SpanAttributes.FAAS_INVOCATION_ID, CURRENT.request_id)


class KeepsWorkflowSpansOpen(SpanProcessor):
    """Lets the spans of a workflow be ended by that workflow alone.

    A worker that shuts down drops the workflows it has. When Python collects them, often in a later
    invocation, open ``with`` blocks are left and would end their spans. But those workflows go on
    elsewhere, and it is there that the same spans, with the same ids, come to their end.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See base class."""
        if not workflow.in_workflow():
            return
        begun_in, end = workflow.info(), span.end

        def end_in_workflow(end_time: int | None = None) -> None:
            if workflow.in_workflow() and workflow.info() is begun_in:
                end(end_time)

        span.end = end_in_workflow  # type: ignore[method-assign] # There is no hook before it.
