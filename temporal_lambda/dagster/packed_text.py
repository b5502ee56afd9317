"""Texts in a small space: how serialized runs and events travel between Lambda and Dagster."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence

MAX_UNPACKED_BYTES = 100_000_000
"""Of packed texts when they are unpacked: a few kilobytes can be packed zeros by the gigabyte."""


def pack(texts: Sequence[str]) -> str:
    """Texts as one text, a tenth of their size or so.

    Args:
        texts: Such as serialized events.

    Example:
        >>> unpack(pack(["one", "two"]))
        ['one', 'two']
        >>> len(pack(["the same again"] * 1000)) < 200
        True
    """
    # A level above this one makes events 2 % smaller in three times the time.
    return base64.b64encode(zlib.compress(json.dumps(list(texts)).encode(), 6)).decode()


def unpack(packed: str) -> list[str]:
    """What was packed.

    Args:
        packed: A result of ``pack``; not trusted.

    Raises:
        ValueError: It is none, or one of more than ``MAX_UNPACKED_BYTES``.
    """
    try:
        data = base64.b64decode(packed, validate=True)
        stream = zlib.decompressobj()
        text = stream.decompress(data, MAX_UNPACKED_BYTES)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"no packed texts: {error}") from None
    if stream.unconsumed_tail:
        raise ValueError(f"packed texts of more than {MAX_UNPACKED_BYTES} bytes")
    if not stream.eof:
        raise ValueError("no packed texts: their end is missing")
    try:
        texts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no packed texts: {error}") from None
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise ValueError("no packed texts: a list of texts was expected")
    return texts
