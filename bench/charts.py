"""Charts of what was measured, as small SVG files. The only module that needs matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import Measured

FOLDER = "benchmarks"
COLORS = {
    "auto": "#2b8a3e",
    "ours": "#1b6ac9",
    "contrib": "#d9822b",
    "limit": "#555555",
    "durable functions": "#9c36b5",
}

# The same figures make the same file.
matplotlib.rcParams["svg.hashsalt"] = "bench"
matplotlib.rcParams["svg.fonttype"] = "none"


def draw(folder: Path, name: str, measured: Measured) -> Path | None:
    """Draw the chart of a part, if it has one.

    Args:
        folder: Where the page goes; the charts go into a folder of their own in it.
        name: The part's.
        measured: What was measured.

    Returns:
        The chart, relative to ``folder``.
    """
    if name not in CHARTS:
        return None
    path = Path(FOLDER) / f"{name}.svg"
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    CHARTS[name](figure, measured)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(_small(drawn.getvalue()))
    return path


def _small(svg: str) -> str:
    """The same picture in half the size: a tenth of a pixel is enough, and nobody reads indents."""
    rounded = re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}", svg)
    return re.sub(r"^ +", "", rounded, flags=re.MULTILINE)


def _warm(figure: Figure, measured: Measured) -> None:
    """Every sample as a dot, one line per measure of both."""
    axes = figure.subplots()
    found = [row for row in measured.rows if row.beside]
    for place, row in enumerate(found):
        for offset, worker, values in ((0.12, "ours", row.ours), (-0.12, "contrib", row.beside)):
            heights = [-place + offset] * len(values)
            label = worker if place == 0 else None
            axes.plot(values, heights, "o", color=COLORS[worker], alpha=0.5, label=label)
    axes.set_yticks([-place for place in range(len(found))], [row.measure for row in found])
    axes.set_xlabel("milliseconds")
    axes.set_xlim(left=0)
    _finish(axes)


def _stress(figure: Figure, measured: Measured) -> None:
    """How many workflows took longer than so many seconds."""
    styles = {"deadline": "-", "mixed": "--", "idle": ":", "late-idle": "-."}
    settings = measured.points.items()
    for axes, (setting, series) in zip(figure.subplots(1, 2, sharey=True), settings, strict=True):
        for name, latencies in series.items():
            worker, load = name.split()
            slowest = sorted(latencies, reverse=True)
            ranks = sorted({round(1.2**power) for power in range(45)} & set(range(len(slowest))))
            axes.step(
                [slowest[rank - 1] for rank in ranks],
                ranks,
                styles[load],
                color=COLORS[worker],
                label=name,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("seconds from start to result")
        axes.set_title(f"server setting {setting}", fontsize=10)
        _finish(axes)
    figure.axes[0].set_ylabel("workflows that took longer")


def _cost(figure: Figure, measured: Measured) -> None:
    """The model's lines and the measured points."""
    axes = figure.subplots()
    for name, series in measured.points["model"].items():
        style = "--" if name in ("limit", "durable functions") else "-"
        label = {"limit": "pure work", "durable functions": "durable functions' rule"}.get(
            name, f"{name}, model"
        )
        axes.plot(*zip(*series, strict=True), style, color=COLORS[name], label=label)
    for name, series in measured.points["measured"].items():
        label = f"{name}, measured"
        axes.plot(*zip(*series, strict=True), "o", color=COLORS[name], label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("workflows per second")
    axes.set_ylabel("billed seconds per workflow")
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


CHARTS: dict[str, Callable[[Figure, Measured], None]] = {
    "warm": _warm,
    "stress": _stress,
    "cost": _cost,
}
