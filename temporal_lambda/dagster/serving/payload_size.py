"""How large a value may be that goes through a Temporal server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from temporalio.converter import PayloadConverter

MAX_PAYLOAD_BYTES = 2_000_000
"""Bytes of arguments, of an output or of a result. Temporal's server takes 2 MiB by default; the
rest is left to payload codecs, such as encryption."""

MAX_BATCH_BYTES = 3_000_000
"""Bytes of arguments in one response to the server, which takes messages of 4 MiB (gRPC)."""

REMEDY = "keep large data elsewhere, such as in S3, and pass its address"
"""What to do about a value that is too large."""


def size_of(converter: PayloadConverter, *values: Any) -> int:
    """Bytes of values, encoded.

    Args:
        converter: How they are encoded.
        values: The values.

    Raises:
        Exception: A value can't be encoded; of the converter's kind.

    Example:
        >>> from temporalio.converter import PayloadConverter
        >>> size_of(PayloadConverter.default, "four", 4)
        7
    """
    return sum(len(payload.data) for payload in converter.to_payloads(values))


def without_largest(
    results: Mapping[str, Any], size: Callable[[Any], int], limit: int
) -> dict[str, Any]:
    """Outputs that together fit; the largest are left out first, and a word is left instead.

    Args:
        results: Op -> output.
        size: Tells the bytes of a value, encoded.
        limit: Bytes of all outputs together.

    Example:
        >>> kept = without_largest({"big": "b" * 500, "small": 1}, lambda v: len(str(v)), 400)
        >>> kept["small"], kept["big"].partition(";")[0]
        (1, 'omitted: 500 bytes')
    """
    kept = dict(results)
    sizes = {op: size(op) + size(output) for op, output in results.items()}
    total = sum(sizes.values())
    for op in sorted(sizes, key=lambda op: -sizes[op]):
        if total <= limit:
            break
        kept[op] = f"omitted: {size(results[op])} bytes; {REMEDY}"
        total += len(kept[op]) + size(op) - sizes[op]
    return kept
