"""Warnings that an execution environment gives once, not in every invocation."""

from __future__ import annotations

import logging
from typing import Any

_given: set[tuple[str, str, str]] = set()


def warn_once(logger: logging.Logger, message: str, *arguments: Any, about: str = "") -> None:
    """Log a warning, unless this process has logged it before.

    Args:
        logger: Where to.
        message: With placeholders for the arguments; two warnings are the same if their messages
            are, whatever the arguments.
        arguments: Fill in the message.
        about: What it is about, if it is to be given once for each such thing.

    Example:
        >>> for seconds in (4.5, 4.4):
        ...     warn_once(logging.getLogger("example"), "only %.1f s are left", seconds)
    """
    if (key := (logger.name, message, about)) not in _given:
        _given.add(key)
        logger.warning(message, *arguments)


def forget_warnings() -> None:
    """Let every warning be given once more; for tests, which share a process."""
    _given.clear()
