"""The current invocation: an execution environment runs one at a time."""

from __future__ import annotations

from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext


class Current:
    """What log records and spans show of the current invocation.

    Attributes:
        request_id: Lambda's request id; ``None`` outside of invocations.
        span_context: The invocation's own span; invalid if it has none.
    """

    def __init__(self) -> None:
        self.request_id: str | None = None
        self.span_context: SpanContext = INVALID_SPAN_CONTEXT

    def begin(self, request_id: str | None) -> None:
        """Note that an invocation has begun."""
        if request_id != self.request_id:
            self.request_id = request_id
            self.span_context = INVALID_SPAN_CONTEXT


CURRENT = Current()
