"""The results as a Markdown page: one table, the machine, what each part did, the charts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.results import Parts, Row, rows

FILE = "benchmarks.md"

INTRODUCTION = """\
# Benchmarks

Written by `make bench`; run it to have the figures of your machine. Every measure is taken of both
workers in one run: on the same server, with the same function, workflows and options, taking turns
or side by side. *contrib* is `temporalio.contrib.aws.lambda_worker`. Where another worker stands
beside ours, it is named.

Each cell has the median of the repeats, their range and their number. The ratio says how many times
better ours is; below 1, ours is worse. The range is the noise: differences within it mean nothing.
"""

HEAD = """\
| measure | ours | contrib | ratio | goal |
|---|---|---|---|---|
"""


def page(parts: Parts, charts: Mapping[str, Sequence[Path]]) -> str:
    """The whole page.

    Args:
        parts: What was measured.
        charts: Charts of each part, as paths beside the page.
    """
    table = HEAD + "".join(_lines(part) for part in parts.values())
    sections = [_section(name, part, charts.get(name, ())) for name, part in parts.items()]
    return "\n".join([INTRODUCTION, table, _machines(parts), *sections])


def cell(values: Sequence[float], unit: str) -> str:
    """Median, range and number of repeats.

    Example:
        >>> cell([1.0, 3.0, 2.0], "ms")
        '2 ms (1..3, n=3)'
    """
    if not values:
        return "–"
    middle = f"{number(statistics.median(values))} {unit}".strip()
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))}..{number(max(values))}, n={len(values)})"


def number(value: float) -> str:
    """Three digits that mean something, without an exponent.

    Example:
        >>> number(1234.5), number(12.345), number(1.2345), number(2.0)
        ('1234', '12.3', '1.23', '2')
    """
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _lines(part: Mapping[str, Any]) -> str:
    quick = " (quick run)" if part["quick"] else ""
    heading = f"| **{part['title']}**{quick} | | | | |\n"
    return heading + "".join(_line(row) for row in rows(part))


def _line(row: Row) -> str:
    measure = f"{row.measure} ({row.note})" if row.note else row.measure
    beside = cell(row.beside, row.unit)
    if row.other != "contrib":
        beside += f" ({row.other})"
    ratio = "" if row.ratio is None else f"{number(row.ratio)}x"
    goal = row.goal and f"{row.goal}: {'met' if row.met else '**missed**'}"
    return f"| {measure} | {cell(row.ours, row.unit)} | {beside} | {ratio} | {goal} |\n"


def _machines(parts: Parts) -> str:
    """Usually one machine; more if parts were measured at different times."""
    found: dict[str, list[str]] = {}
    for name, part in parts.items():
        text = ", ".join(f"{key} {value}" for key, value in part["machine"].items())
        found.setdefault(text, []).append(name)
    lines = [
        f"- {text}" + (f" ({', '.join(names)})" if len(found) > 1 else "")
        for text, names in found.items()
    ]
    return "## Measured on\n\n" + "\n".join(lines) + "\n"


def _section(name: str, part: Mapping[str, Any], charts: Sequence[Path]) -> str:
    images = "".join(f"\n![{part['title']}]({path.as_posix()})\n" for path in charts)
    return f"## {part['title']}\n\n{part['about']}\n\nAlone: `python -m bench {name}`.\n{images}"
