"""The current invocation: an execution environment runs one at a time."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    get_current_span,
    set_span_in_context,
)

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.otel.clean_log import tolerate_collected_workflows
from temporal_lambda.outgoing import Redact


class Current:
    """What log records and spans show of the current invocation.

    Attributes:
        span_context: The invocation's own span; invalid if it has none.
    """

    def __init__(self) -> None:
        self._config: LambdaWorkerConfig | None = None
        self.span_context: SpanContext = INVALID_SPAN_CONTEXT

    @property
    def request_id(self) -> str | None:
        """Lambda's request id; ``None`` outside of invocations."""
        return self._config.invocation.request_id if self._config else None

    @property
    def redact(self) -> Redact | None:
        """What the invocation's configuration says about redacting."""
        return self._config.redact if self._config else None

    def begin(self, config: LambdaWorkerConfig) -> None:
        """Note that an invocation has begun; when it is over, nothing is shown of it any more."""
        if self._config is not config:
            self._config = config
            self.span_context = INVALID_SPAN_CONTEXT
            config.invocation.when_over.append(lambda: self._end(config))
            tolerate_collected_workflows()

    def with_span(self, context: Context) -> Context:
        """A context that has a span: its own, else that of the invocation."""
        if get_current_span(context).get_span_context().is_valid:
            return context
        return set_span_in_context(NonRecordingSpan(self.span_context), context)

    def _end(self, config: LambdaWorkerConfig) -> None:
        if self._config is config:
            self._config = None
            self.span_context = INVALID_SPAN_CONTEXT


CURRENT = Current()
