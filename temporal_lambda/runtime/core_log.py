"""The lines that Temporal's Core logs, in the format of all others."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

LOGGER = logging.getLogger("temporalio.core")

LEVELS = {
    "TRACE": "DEBUG",
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "ERROR": "ERROR",
    "FATAL": "ERROR",
}
"""Core's levels by Lambda's; temporalio advises against forwarding Core's ``TRACE``."""


def core_logging(
    *, through_python: bool = False, environ: Mapping[str, str] = os.environ
) -> LoggingConfig:
    """How Core logs: in Lambda's JSON format through Python's logging, else to the console.

    Through Python's logging it is at the level of ``AWS_LAMBDA_LOG_LEVEL`` and above.

    Args:
        through_python: Whether to use Python's logging in any format.
        environ: Environment variables.

    Example:
        >>> environ = {"AWS_LAMBDA_LOG_LEVEL": "FATAL"}
        >>> core_logging(through_python=True, environ=environ).filter.core_level
        'ERROR'
        >>> core_logging(environ={}).forwarding is None
        True
    """
    if not (through_python or _is_json(environ)):
        return LoggingConfig.default
    if _without_entry not in LOGGER.filters:
        LOGGER.addFilter(_without_entry)
    level = LEVELS.get(environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper(), "WARN")
    return LoggingConfig(
        filter=TelemetryFilter(core_level=level, other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=LOGGER, append_target_to_name=False),
    )


@cache
def keep_core_to_json() -> None:
    """In Lambda's JSON format, let Core's lines be JSON too, which it does not write by itself.

    A default runtime that was set already is kept.
    """
    if _is_json(os.environ):
        try:
            Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=core_logging())))
        except RuntimeError:
            # It is the user's, who has chosen how it logs.
            pass


def _is_json(environ: Mapping[str, str]) -> bool:
    return environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"


def _without_entry(record: logging.LogRecord) -> bool:
    # Its content is in the message; in a JSON line it would appear as an object's address.
    record.__dict__.pop("temporal_log", None)
    return True
