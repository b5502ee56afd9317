"""What was measured: rows of two columns, kept as JSON, part by part."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

FILE = "benchmarks.json"


@dataclass(frozen=True)
class Row:
    """One measure of both workers.

    Attributes:
        measure: What was measured.
        unit: ``ms``, ``s``, ...; empty for counts.
        ours: One value per repeat.
        beside: The same of the other side; empty if it has none.
        other: Who the other side is.
        better: Whether less or more is better, or neither.
        goal: What we want of it, in words; empty if nothing.
        met: Whether that is so.
        note: What a reader must know to read the figures right.
    """

    measure: str
    unit: str
    ours: Sequence[float]
    beside: Sequence[float] = ()
    other: str = "contrib"
    better: Literal["lower", "higher", "neither"] = "lower"
    goal: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better ours is, by the medians; ``None`` where that means nothing."""
        if not self.ours or not self.beside or self.better == "neither":
            return None
        ours, beside = statistics.median(self.ours), statistics.median(self.beside)
        above, below = (beside, ours) if self.better == "lower" else (ours, beside)
        return above / below if above > 0 and below > 0 else None


@dataclass(frozen=True)
class Measured:
    """What one part found.

    Attributes:
        title: A few words.
        about: What was done, in a few sentences.
        rows: For the table.
        points: For the charts, by name; JSON values.
    """

    title: str
    about: str
    rows: Sequence[Row]
    points: Mapping[str, Any] = field(default_factory=dict)


Parts = dict[str, dict[str, Any]]
"""Part by name, as in the JSON file: a ``Measured`` with ``quick`` and ``machine`` beside it."""


def read(folder: Path) -> Parts:
    """The parts measured so far; none if there is no file.

    Raises:
        ValueError: The file is not one of ours.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    parts: Parts = json.loads(path.read_text())["parts"]
    return parts


def merge(
    parts: Parts,
    name: str,
    measured: Measured,
    *,
    order: Sequence[str],
    quick: bool,
    machine: Mapping[str, str],
) -> Parts:
    """The same parts with one of them measured anew, in their order."""
    entry = {"quick": quick, "machine": dict(machine), **_rounded(asdict(measured))}
    found = {**parts, name: entry}
    return {name: found[name] for name in order if name in found}


def write(folder: Path, parts: Parts) -> None:
    """Write the file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({"parts": parts}, indent=1) + "\n")


def rows(part: Mapping[str, Any]) -> list[Row]:
    """The rows of a part as it stands in the file."""
    return [Row(**row) for row in part["rows"]]


def _rounded(value: Any) -> Any:
    """The same without meaningless digits: microseconds at most, where milliseconds are meant."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
