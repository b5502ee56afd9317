"""What was measured: rows of two columns, and points for charts."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal


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
        points: For the chart, by name; JSON values.
    """

    title: str
    about: str
    rows: Sequence[Row]
    points: Mapping[str, Any] = field(default_factory=dict)


def write(folder: Path, name: str, measured: Measured) -> None:
    """Keep all that a part has measured, as JSON; the page has a digest of it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_rounded(asdict(measured)), indent=1)
    (folder / f"{name}.json").write_text(text + "\n")


def _rounded(value: Any) -> Any:
    """The same without meaningless digits: microseconds at most, where milliseconds are meant."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
