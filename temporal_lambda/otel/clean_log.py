"""Keeps from the log what is no error of anybody's."""

from __future__ import annotations

import logging
import threading

from temporal_lambda.errors import causes

_lock = threading.Lock()


def tolerate_collected_workflows() -> None:
    """Let Python collect open workflows without an error in the log.

    When a worker ends, the workflows it leaves open are collected as garbage, in whatever context
    that happens. Each ``with`` block of a span then fails to restore a context that is not the
    current one, which OpenTelemetry logs as an error, with a traceback. The workflow goes on in
    another invocation, and nothing is wrong.
    """
    logger = logging.getLogger("opentelemetry.context")
    with _lock:
        if _is_of_something_else not in logger.filters:
            logger.addFilter(_is_of_something_else)


def _is_of_something_else(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return not any(isinstance(cause, GeneratorExit) for cause in causes(error, hidden=True))
