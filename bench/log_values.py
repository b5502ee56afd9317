"""Reads back what a benchmark's function told in its log (``bench/functions/log_values.py``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from temporal_lambda.local import InvocationRecord

MARK = "BENCH "


def lines(record: InvocationRecord, what: str) -> Iterator[dict[str, Any]]:
    """All lines of one kind in one invocation's log, in order."""
    for line in record.log:
        _, mark, rest = line.partition(MARK)
        if mark and (told := json.loads(rest))["what"] == what:
            yield told


def line(record: InvocationRecord, what: str) -> dict[str, Any] | None:
    """The first line of one kind; ``None`` if the function was killed before, for instance."""
    return next(lines(record, what), None)


def values(records: Iterable[InvocationRecord], what: str, name: str) -> list[float]:
    """One value of each invocation that told it."""
    return [float(told[name]) for record in records for told in [line(record, what)] if told]
