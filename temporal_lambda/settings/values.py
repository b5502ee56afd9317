"""The kinds of values that settings accept, as text and in code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from temporal_lambda.cloudwatch_metrics import dimension_sets


class ValueKind(NamedTuple):
    """One kind of value.

    Attributes:
        parse: Converts text (of an environment variable) or a TOML value; raises ``ValueError``
            with what it expected.
        accepts: Whether a Python value, as a callback sets it, is of this kind.
        expected: What such a value is, for an error message: ``a timedelta above 0``.

    Example:
        >>> WHOLE.parse("3"), WHOLE.accepts(-1), WHOLE.expected
        (3, False, 'a whole number of 0 or more')
    """

    parse: Callable[[Any], Any]
    accepts: Callable[[Any], bool]
    expected: str


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_LONGEST = 1e9
"""Seconds, about thirty years. Anything longer is a typing error, and may exceed a timedelta."""

_LONGEST_TEXT = 100
"""Characters. Cutting up digits without end would take time with the square of their number."""

_MOST = 10**9
"""No number of tasks, polls or workflows is larger; the SDK's core takes no more than 32 bits."""


def duration(raw: Any) -> timedelta:
    """A duration: seconds as a number, or text such as ``500ms``, ``2.5s`` or ``1m30s``.

    Args:
        raw: A number of seconds, or text.

    Returns:
        The duration.

    Raises:
        ValueError: It is negative, longer than thirty years, or no duration.

    Example:
        >>> duration("1m30s")
        datetime.timedelta(seconds=90)
        >>> duration(0.25)
        datetime.timedelta(microseconds=250000)
    """
    seconds = _seconds(raw.strip()) if isinstance(raw, str) else raw
    if (
        not isinstance(seconds, int | float)
        or isinstance(seconds, bool)
        or not 0 <= seconds < _LONGEST
    ):
        raise ValueError(
            "expected a duration of 0 or more: seconds (2.5) or text such as 500ms, 5s, 1m30s"
        )
    return timedelta(seconds=seconds)


def _seconds(text: str) -> float | None:
    if len(text) > _LONGEST_TEXT:
        return None
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return float(text)
    except ValueError:
        return None


def idle_timeout(raw: Any) -> timedelta | Literal["auto"]:
    """When to end an invocation that has nothing to do: ``auto``, or a duration above 0.

    Args:
        raw: The word, a number of seconds, or text such as ``1.3s``.

    Raises:
        ValueError: It is neither.

    Example:
        >>> idle_timeout("auto"), idle_timeout("1.3s")
        ('auto', datetime.timedelta(seconds=1, microseconds=300000))
    """
    if isinstance(raw, str) and raw.strip().lower() == "auto":
        return "auto"
    try:
        value = duration(raw)
    except ValueError:
        value = None
    if not value:
        raise ValueError(
            "expected auto, or a duration above 0: seconds (2.5) or text such as 500ms, 5s, 1m30s "
            "(leave it out to switch it off)"
        )
    return value


def _flag(raw: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(raw, str):
        raw = words.get(raw.strip().lower())
    if not isinstance(raw, bool):
        raise ValueError("expected true or false")
    return raw


def _name(raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("expected a name")
    return raw.strip()


def _secret(raw: Any) -> str | None:
    name = _name(raw)
    return None if name.lower() == "none" else name


_NAMESPACE = re.compile(r"(?!AWS/)[A-Za-z0-9./_#: -]{1,255}")


def _is_namespace(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAMESPACE.fullmatch(value)) and not value.isspace()


def _namespace(raw: Any) -> str:
    if not isinstance(raw, str) or not _is_namespace(raw.strip()):
        raise ValueError(
            "expected a namespace of CloudWatch: letters, digits and . - _ / # : that don't begin "
            "with AWS/"
        )
    return raw.strip()


def _dimensions(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("expected text such as FunctionName; FunctionName, TaskQueue")
    dimension_sets(raw)
    return raw.strip()


def _are_dimensions(value: Any) -> bool:
    try:
        return bool(_dimensions(value))
    except ValueError:
        return False


def whole(least: int) -> ValueKind:
    """Whole numbers of ``least`` or more.

    Example:
        >>> whole(2).accepts(1)
        False
    """
    expected = f"a whole number of {least} or more"

    def accepts(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value < _MOST

    def parse(raw: Any) -> int:
        if isinstance(raw, str) and re.fullmatch(r"\d{1,9}", raw.strip()):
            raw = int(raw)
        if not accepts(raw):
            raise ValueError(f"expected {expected}")
        return int(raw)

    return ValueKind(parse, accepts, expected)


def one_of(*words: str) -> ValueKind:
    """One of some words.

    Example:
        >>> one_of("never", "always").parse("never")
        'never'
    """
    expected = f"one of {', '.join(words)}"

    def parse(raw: Any) -> str:
        word = raw.strip().lower() if isinstance(raw, str) else None
        if word not in words:
            raise ValueError(f"expected {expected}")
        return str(word)

    return ValueKind(parse, lambda value: value in words, expected)


DURATION = ValueKind(
    duration,
    lambda value: isinstance(value, timedelta) and value >= timedelta(),
    "a timedelta of 0 or more",
)
IDLE_TIMEOUT = ValueKind(
    idle_timeout,
    lambda value: value == "auto" or (isinstance(value, timedelta) and value > timedelta()),
    '"auto" or a timedelta above 0',
)
FLAG = ValueKind(_flag, lambda value: isinstance(value, bool), "True or False")
NAME = ValueKind(_name, lambda value: isinstance(value, str) and bool(value.strip()), "a name")
SECRET = ValueKind(_secret, NAME.accepts, "the name of a secret")
"""Says where a secret lies, or ``none`` for nowhere, which undoes what a file says."""
NAMESPACE_NAME = ValueKind(_namespace, _is_namespace, "a namespace of CloudWatch")
DIMENSION_SETS = ValueKind(
    _dimensions,
    _are_dimensions,
    "sets of dimensions such as 'FunctionName; FunctionName, TaskQueue'",
)
WHOLE = whole(0)
