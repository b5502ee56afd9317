"""Errors of ops, as they can be sent and stored: text that is valid and not too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError

MAX_ERROR_CHARACTERS = 10_000
"""Of an error's text. Temporal's server cuts what it keeps of a failed attempt at 4 KB."""

OF_THE_OP = "temporal_lambda.dagster.op_report"
"""The only key of the last detail of an op's error: what else is known of the attempt."""


def clean_text(text: str, limit: int = MAX_ERROR_CHARACTERS) -> str:
    """Text that any encoder and any storage takes.

    Args:
        text: May hold lone surrogates and be of any length.
        limit: Characters to keep; what is cut off is told.

    Example:
        >>> clean_text("caf\\udce9")
        'caf?'
        >>> clean_text("a" * 30, limit=3)
        'aaa… (30 characters in all)'
    """
    kept = text[:limit].encode(errors="replace").decode().replace("\\0", "?")
    return kept if len(text) <= limit else f"{kept}… ({len(text)} characters in all)"


def text_of(error: BaseException) -> str:
    """The text of an error, whatever its ``__str__`` does.

    Example:
        >>> text_of(ValueError("no luck"))
        'no luck'
    """
    try:
        return clean_text(str(error))
    except Exception as problem:
        return f"(its text can't be had: __str__ raises a {type(problem).__name__})"


def clean_failure(
    error: BaseException,
    converter: PayloadConverter,
    report: dict[str, Any] | None = None,
    hide: Callable[[str], str] = str,
) -> ApplicationError:
    """The error of an op as one that can be sent.

    Args:
        error: What the op raised.
        converter: How details are encoded.
        report: What else is known of the attempt; JSON values.
        hide: Takes secrets out of the text.

    Returns:
        An error of the same type and text. An ``ApplicationError`` keeps its details, as far as
        they can be encoded, and whether it may be retried.
    """
    kind, non_retryable = type(error).__name__, False
    details: Sequence[Any] = ()
    pause: timedelta | None = None
    text = hide(text_of(error))
    if isinstance(error, ApplicationError):
        kind, non_retryable = clean_text(error.type or kind, 200), error.non_retryable
        pause = error.next_retry_delay
        text = hide(clean_text(error.message))
        details = _encodable(error.details, converter)
    more = [{OF_THE_OP: report}] if report else []
    failure = ApplicationError(
        text,
        *details,
        *more,
        type=kind,
        non_retryable=non_retryable,
        next_retry_delay=pause,
    )
    # The stack is that of the op; the error itself may hold what can't be sent, as may its causes.
    return failure.with_traceback(error.__traceback__)


def _encodable(details: Sequence[Any], converter: PayloadConverter) -> Sequence[Any]:
    try:
        size = sum(len(payload.data) for payload in converter.to_payloads(details))
    except Exception as error:
        return [f"details left out: they can't be encoded ({type(error).__name__})"]
    if size > MAX_ERROR_CHARACTERS:
        return [f"details left out: {size} bytes"]
    return details
