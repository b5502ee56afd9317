"""Data of a function's answer, made such that Dagster's storage and UI can always show it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from dagster import AssetKey, MetadataValue

MAX_TEXT = 10_000
"""Characters of a text."""

MAX_JSON = 64 * 1024
"""Characters of a metadata value as JSON."""

MAX_ENTRIES = 100
"""Entries of one set of metadata."""

MAX_ASSET_KEY = 500
"""Characters of an asset key."""

LEFT_OUT = "left out"
"""The metadata key that says what was left out."""


def clean_text(value: Any, limit: int = MAX_TEXT) -> str:
    """A text without what no storage takes; of another value, its JSON.

    Args:
        value: Anything.
        limit: Characters that are kept; what is cut off is told.

    Example:
        >>> clean_text("caf\\udce9")
        'caf?'
        >>> clean_text({"a": 1})
        '{"a": 1}'
    """
    text = value if isinstance(value, str) else as_json(value)
    kept = text[:limit].encode(errors="replace").decode().replace("\\0", "?")
    return kept if len(text) <= limit else f"{kept}… ({len(text)} characters in all)"


def metadata_value(value: Any) -> MetadataValue[Any]:
    """A metadata value that shows a JSON value.

    Dagster takes a dictionary with a key such as ``__class__`` for something of its own when it
    reads it back, and fails; such a value is shown as text.

    Example:
        >>> metadata_value({"rows": [{"__class__": "Customer"}]}).value
        '{"rows": [{"__class__": "Customer"}]}'
        >>> metadata_value({"rows": 3}).value
        {'rows': 3}
    """
    if isinstance(value, bool):
        return MetadataValue.bool(value)
    if isinstance(value, int) and abs(value) < 2**63:
        return MetadataValue.int(value)
    if isinstance(value, float) and math.isfinite(value):
        return MetadataValue.float(value)
    if isinstance(value, dict | list):
        text = as_json(value)
        if len(text) <= MAX_JSON and is_plain(value):
            return MetadataValue.json(json.loads(text))
        return MetadataValue.text(clean_text(text, MAX_JSON))
    return (
        MetadataValue.null() if value is None else MetadataValue.text(clean_text(value, MAX_JSON))
    )


def metadata(values: Any) -> dict[str, MetadataValue[Any]]:
    """Metadata that a function sent, within bounds.

    Args:
        values: Name -> JSON value; anything else is no metadata.
    """
    if not isinstance(values, Mapping):
        return {}
    names = list(values)
    shown = {clean_text(name, 200): metadata_value(values[name]) for name in names[:MAX_ENTRIES]}
    if len(names) > MAX_ENTRIES:
        shown[LEFT_OUT] = MetadataValue.text(f"{len(names) - MAX_ENTRIES} more entries")
    return shown


def asset_key(value: Any) -> AssetKey:
    """The key of an asset.

    Args:
        value: A text such as ``shop/orders``, or its parts.

    Raises:
        ValueError: It is no such thing, or too long.

    Example:
        >>> asset_key("shop/orders")
        AssetKey(['shop', 'orders'])
    """
    parts = value.split("/") if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts:
        raise ValueError("asset_key must be text or a list of texts")
    if not all(isinstance(part, str) and part and clean_text(part) == part for part in parts):
        raise ValueError("asset_key must be made of texts that are not empty")
    if sum(map(len, parts)) > MAX_ASSET_KEY:
        raise ValueError(f"asset_key has more than {MAX_ASSET_KEY} characters")
    return AssetKey(parts)


def is_plain(value: Any) -> bool:
    """Whether a JSON value has no key that Dagster takes for its own, and no lone surrogate."""
    if isinstance(value, dict):
        return all(
            isinstance(key, str) and not key.startswith("__") and is_plain(key) and is_plain(one)
            for key, one in value.items()
        )
    if isinstance(value, list):
        return all(map(is_plain, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, str) or clean_text(value, len(value)) == value


def as_json(value: Any) -> str:
    """A value as JSON text, or a text that says why it is none.

    Args:
        value: Anything.

    Example:
        >>> as_json({"rows": 3})
        '{"rows": 3}'
    """
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        return f"(no JSON: {type(error).__name__})"
