"""The payload of an invocation: what AWS's Invoke API takes for one."""

from __future__ import annotations

import json
from typing import NoReturn

SYNC_LIMIT = 6 * 1024 * 1024
"""Bytes of a RequestResponse payload (AWS quota)."""

ASYNC_LIMIT = 1024 * 1024
"""Bytes of an Event payload (AWS quota)."""


def check_json(payload: bytes) -> None:
    """Refuse a payload that is no JSON; an empty one stands for ``{}``.

    Raises:
        ValueError: What is wrong with it.

    Example:
        >>> check_json(b"")
        >>> check_json(b"[NaN]")
        Traceback (most recent call last):
        ...
        ValueError: NaN is not JSON
    """
    if not payload.strip():
        return
    try:
        json.loads(payload, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
