"""Processors for every span of this process, whichever provider records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import Status, StatusCode
from opentelemetry.util.types import AttributeValue
from temporalio import workflow

from temporal_lambda.otel.current import CURRENT
from temporal_lambda.otel.names import INVOCATION_ID
from temporal_lambda.outgoing import Redact, cut, in_texts, redacted


class _Starting(SpanProcessor):
    """A processor that only looks at spans when they start."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class, which in old SDKs returns ``None``: flushing then ends here."""
        return True


class NamesInvocation(_Starting):
    """Puts the request id on every span, so that an invocation's spans can be found.

    A span that has one keeps it: whoever wraps the handler knows better.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See base class."""
        if CURRENT.request_id and INVOCATION_ID not in (span.attributes or {}):
            span.set_attribute(INVOCATION_ID, CURRENT.request_id)


class KeepsWorkflowSpansOpen(_Starting):
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


class WatchesTexts(_Starting):
    """Cuts long statuses, and applies ``LambdaWorkerConfig.redact`` to all texts of a span.

    What a span has was redacted when it was set, whichever exporter takes it in the end.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See base class."""
        redact = CURRENT.redact
        _watch_status(span, redact)
        if redact is not None:
            _watch_attributes(span, redact)


def _watch_status(span: Span, redact: Redact | None) -> None:
    inner = span.set_status

    def set_status(status: Status | StatusCode, description: str | None = None) -> None:
        code, text = (
            (status.status_code, status.description)
            if isinstance(status, Status)
            else (status, description)
        )
        inner(Status(code, cut(redacted(text, redact)) if text else None))

    span.set_status = set_status


def _watch_attributes(span: Span, redact: Redact) -> None:
    set_attributes, add_event = span.set_attributes, span.add_event

    def change(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            name: in_texts(value, lambda text: redacted(text, redact))
            for name, value in (attributes or {}).items()
        }

    def add_redacted(
        name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        add_event(name, change(attributes), timestamp)

    def set_redacted(attributes: Mapping[str, AttributeValue]) -> None:
        set_attributes(change(attributes))

    def set_one(key: str, value: AttributeValue) -> None:
        set_redacted({key: value})

    set_redacted(span.attributes or {})
    span.set_attributes = set_redacted  # type: ignore[method-assign] # As above.
    span.set_attribute = set_one  # type: ignore[method-assign]
    span.add_event = add_redacted  # type: ignore[method-assign]
