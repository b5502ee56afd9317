"""Adds the invocation, workflow, activity and trace to log lines."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry import trace
from temporalio import activity, workflow

from temporal_lambda.otel.current import CURRENT

LOGGERS = ("temporalio", "temporal_lambda")
"""Loggers that follow ``AWS_LAMBDA_LOG_LEVEL``, and whose own handlers add the fields too."""

FIELDS = ("request_id", "workflow_id", "run_id", "activity_id", "trace_id", "span_id")
"""Attributes set on each record, where they are known."""

PREFIXED = ("workflow_id", "activity_id", "trace_id")
"""Fields shown in text lines; Lambda's own format has the request id already."""


class LogFields(logging.Filter):
    """A filter that sets ``FIELDS`` on records that don't have them yet.

    ``apply_logging`` adds it to Lambda's own handlers. A logger with a format of its own, such as
    that of Powertools, shows the fields if it gets this filter.

    Example:
        >>> logger = logging.getLogger("orders")
        >>> logger.addFilter(LogFields())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        present = record.__dict__
        for name, value in fields_of(present):
            if value:
                present.setdefault(name, value)
        return True


def fields_of(record: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """The fields of a record, by its attributes and by where it is written."""
    # Lambda's own handler has it, and prints it in its own way.
    if "aws_request_id" not in record:
        yield "request_id", CURRENT.request_id
    span = trace.get_current_span().get_span_context()
    span = span if span.is_valid else CURRENT.span_context
    if span.is_valid:
        yield "trace_id", f"{span.trace_id:032x}"
        yield "span_id", f"{span.span_id:016x}"
    # The SDK's own records carry their activity or workflow, wherever they are written.
    about = record.get("temporal_activity") or record.get("temporal_workflow")
    if isinstance(about, dict):
        yield "activity_id", about.get("activity_id")
        yield "workflow_id", about.get("workflow_id")
        yield "run_id", about.get("workflow_run_id") or about.get("run_id")
    elif activity.in_activity():
        info = activity.info()
        yield "activity_id", info.activity_id
        yield "workflow_id", info.workflow_id
        yield "run_id", info.workflow_run_id
    elif workflow.in_workflow():
        here = workflow.info()
        yield "workflow_id", here.workflow_id
        yield "run_id", here.run_id


class ShowsFields(logging.Formatter):
    """Puts the fields of a record before its message, and leaves the format to another formatter.

    They go before the message so that tools which parse the end of a line still work.

    Args:
        inner: Formats the line; ``logging.Formatter()`` if ``None``.

    Example:
        >>> record = logging.LogRecord("orders", logging.INFO, "", 0, "shipped", (), None)
        >>> record.workflow_id = "order-7"
        >>> ShowsFields(logging.Formatter("%(levelname)s %(message)s")).format(record)
        'INFO [workflow_id=order-7] shipped'
    """

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """See base class."""
        fields = [f"{name}={record.__dict__[name]}" for name in PREFIXED if name in record.__dict__]
        if not fields:
            return self._inner.format(record)
        shown = copy.copy(record)
        shown.msg, shown.args = f"[{' '.join(fields)}] {record.getMessage()}", None
        return self._inner.format(shown)


def add_log_fields() -> None:
    """Make the existing handlers add the fields; no handler is added.

    These are the root logger's handlers, in Lambda the runtime's own, and those of ``LOGGERS``.
    """
    for handler in logging.getLogger().handlers:
        _extend(handler, in_text=os.environ.get("AWS_LAMBDA_LOG_FORMAT") != "JSON")
    level = _level(os.environ.get("AWS_LAMBDA_LOG_LEVEL", ""))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in logger.handlers:
            # Such a handler has a chosen format, for instance that of Powertools.
            _extend(handler, in_text=False)
        if level is not None and logger.level == logging.NOTSET:
            logger.setLevel(level)


def _extend(handler: logging.Handler, *, in_text: bool) -> None:
    if any(isinstance(present, LogFields) for present in handler.filters):
        return
    handler.addFilter(LogFields())
    # Any other formatter is left alone: it may produce JSON, or have methods that its owner calls,
    # as that of Powertools.
    if in_text and type(handler.formatter) in (type(None), logging.Formatter):
        handler.setFormatter(ShowsFields(handler.formatter))


def _level(name: str) -> int | None:
    """Convert Lambda's name of a log level.

    Example:
        >>> _level("TRACE") == logging.DEBUG, _level("FATAL") == logging.CRITICAL, _level("")
        (True, True, None)
    """
    level = logging.getLevelName({"TRACE": "DEBUG"}.get(name.upper(), name.upper()))
    return level if isinstance(level, int) else None
