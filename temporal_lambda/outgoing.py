"""Texts that leave the function: as long as is useful, and without what must not leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Redact = Callable[[str], str]
"""Takes a text that is about to leave, and returns what may."""

LONGEST = 4_000
"""Characters of a text. CloudWatch takes a log event of 256 KiB, most collectors a batch of 4 MiB;
what is longer takes everything beside it along."""

MOST_ERRORS = 20
MOST_ABANDONED = 100
"""Entries in a line, of any number."""


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most about so many characters, which says whether something is missing.

    Example:
        >>> cut("abcdefghij", 4)
        'abcd... (10 characters)'
    """
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def redacted(text: str, redact: Redact | None) -> str:
    """What may leave of a text.

    Args:
        text: The text.
        redact: The user's function; ``None`` lets everything leave. If it fails, nothing does.

    Example:
        >>> redacted("card 4111", lambda text: text.replace("4111", "****"))
        'card ****'
        >>> redacted("card 4111", lambda text: text[100])
        '(redact failed: IndexError)'
    """
    if redact is None:
        return text
    try:
        result = redact(text)
    except Exception as error:
        return f"(redact failed: {type(error).__name__})"
    return result if isinstance(result, str) else f"(redact returned a {type(result).__name__})"


def in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every text in it changed; the names of members are kept.

    Example:
        >>> in_texts([{"hook": "a"}, 1], str.upper)
        [{'hook': 'A'}, 1]
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: in_texts(part, change) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [in_texts(part, change) for part in value]
    return value


def first_of(entries: list[Any], most: int, rest: Callable[[int], Any]) -> list[Any]:
    """The first entries of a list, and what stands for the rest.

    Example:
        >>> first_of([1, 2, 3, 4], 2, lambda number: f"{number} more")
        [1, 2, '2 more']
    """
    left = len(entries) - most
    return entries if left <= 0 else [*entries[:most], rest(left)]
