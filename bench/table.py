"""The results as a Markdown page: for each part what it did, a table, the machine, a chart."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.results import Measured, Row

FILE = "benchmarks.md"

INTRODUCTION = """\
# Benchmarks

Written by `make bench`; run it to have the figures of your machine. It also leaves every value it
measured in `build/benchmarks`. Every measure is taken of both workers in one run: on the same
server, with the same function, workflows and options, taking turns or side by side. *contrib* is
`temporalio.contrib.aws.lambda_worker`. Where another worker stands beside ours, it is named.

Each cell has the median of the repeats, their range and their number. The ratio says how many times
better ours is; below 1, ours is worse. The range is the noise: differences within it mean nothing.
"""

HEAD = """\
| measure | ours | contrib | ratio | goal |
|---|---|---|---|---|
"""

MARK = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE)


def page(sections: Mapping[str, str], order: Sequence[str]) -> str:
    """The whole page: the sections of the parts that were ever measured, in their order."""
    found = [f"<!-- part: {name} -->\n{sections[name]}" for name in order if name in sections]
    return "\n".join([INTRODUCTION, *found])


def sections(text: str) -> dict[str, str]:
    """The section of each part, of a page written before.

    Example:
        >>> sections(page({"b": "## B\\n", "a": "## A\\n"}, ["a", "b"]))
        {'a': '## A\\n', 'b': '## B\\n'}
    """
    _, *found = MARK.split(text)
    names, texts = found[::2], found[1::2]
    return {name: text.rstrip() + "\n" for name, text in zip(names, texts, strict=True)}


def section(
    name: str, measured: Measured, machine: Mapping[str, str], *, chart: Path | None, quick: bool
) -> str:
    """What one part has found.

    Args:
        name: The part's.
        measured: What was found.
        machine: What it ran on.
        chart: A path beside the page.
        quick: Whether it was a smaller form.
    """
    parts = [
        f"## {measured.title}{' (quick run)' if quick else ''}\n",
        measured.about + "\n",
        HEAD + "".join(_line(row) for row in measured.rows),
        f"On {', '.join(f'{key} {value}' for key, value in machine.items())}. "
        f"Alone: `python -m bench {name}`.\n",
    ]
    if chart:
        parts.append(f"![{measured.title}]({chart.as_posix()})\n")
    return "\n".join(parts)


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


def _line(row: Row) -> str:
    measure = f"{row.measure} ({row.note})" if row.note else row.measure
    beside = cell(row.beside, row.unit)
    if row.other != "contrib":
        beside += f" ({row.other})"
    ratio = "" if row.ratio is None else f"{number(row.ratio)}x"
    goal = row.goal and f"{row.goal}: {'met' if row.met else '**missed**'}"
    return f"| {measure} | {cell(row.ours, row.unit)} | {beside} | {ratio} | {goal} |\n"
