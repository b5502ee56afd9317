"""Sends log records to OpenTelemetry's logger provider, whoever has set it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

# OpenTelemetry has no other path for logs, and documents this one.
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger_provider
from opentelemetry.context import get_current

from temporal_lambda.errors import text_of
from temporal_lambda.otel.attempts import is_exporting
from temporal_lambda.otel.current import CURRENT
from temporal_lambda.otel.log_fields import fields_of
from temporal_lambda.outgoing import cut, redacted

SEVERITIES = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
)
"""OpenTelemetry's severities for the levels of Python, from the least level of each."""

OWN = frozenset(
    {*logging.LogRecord("", 0, "", 0, "", None, None).__dict__, "asctime", "message", "taskName"}
)
"""Attributes that every record has."""

NOT_FOR_LINES = {"trace_id", "span_id"}
"""Fields of lines that a record of OpenTelemetry has in places of their own."""


class SendsRecords(logging.Handler):
    """A handler that hands each record to OpenTelemetry, with the ids of what it belongs to."""

    def emit(self, record: logging.LogRecord) -> None:
        """See base class."""
        # What an export has to say would have to be exported.
        if is_exporting() or record.name.startswith("opentelemetry."):
            return
        try:
            get_logger_provider().get_logger(record.name).emit(as_record(record))
        except Exception:
            self.handleError(record)


def as_record(record: logging.LogRecord) -> LogRecord:
    """A record of Python's as one of OpenTelemetry's."""
    number, text = next(
        ((number, text) for level, number, text in SEVERITIES if record.levelno >= level),
        (SeverityNumber.TRACE, "TRACE"),
    )
    return LogRecord(
        timestamp=int(record.created * 1e9),
        observed_timestamp=time.time_ns(),
        context=CURRENT.with_span(get_current()),
        severity_number=number,
        severity_text=text,
        body=_leaving(record.getMessage()),
        attributes=dict(_attributes(record)),
    )


def _attributes(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in record.__dict__.items():
        if name not in OWN and name not in NOT_FOR_LINES and isinstance(value, str | int | float):
            yield name, _leaving(value) if isinstance(value, str) else value
    for name, field in fields_of(record.__dict__):
        if field and name not in NOT_FOR_LINES and name not in record.__dict__:
            yield name, field
    yield "code.file.path", record.pathname
    yield "code.function.name", record.funcName
    yield "code.line.number", record.lineno
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        yield "exception.type", type(error).__qualname__
        yield "exception.message", _leaving(text_of(error))
        trace = logging.Formatter().formatException(record.exc_info)
        yield "exception.stacktrace", _leaving(trace)


def _leaving(text: str) -> str:
    return cut(redacted(text, CURRENT.redact))


def send_records() -> None:
    """Add the handler to the root logger, unless it is there."""
    root = logging.getLogger()
    if not any(isinstance(handler, SendsRecords) for handler in root.handlers):
        root.addHandler(SendsRecords())
