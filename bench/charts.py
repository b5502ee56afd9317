"""Charts of what was measured, as small SVG files. The only module that needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import Parts, rows

FOLDER = "benchmarks"
COLORS = {"ours": "#1b6ac9", "contrib": "#d9822b", "limit": "#555555"}

# The same figures make the same file.
matplotlib.rcParams["svg.hashsalt"] = "bench"
matplotlib.rcParams["svg.fonttype"] = "none"


def draw(folder: Path, parts: Parts) -> dict[str, list[Path]]:
    """Draw a chart for each part that has one.

    Args:
        folder: Where the page goes; the charts go into a folder of their own in it.
        parts: What was measured.

    Returns:
        The charts of each part, relative to ``folder``.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    charts = {}
    for name, chart in CHARTS.items():
        if name in parts:
            path = Path(FOLDER) / f"{name}.svg"
            figure = Figure(figsize=(8, 3.6), layout="constrained")
            chart(figure, parts[name])
            figure.savefig(folder / path, metadata={"Date": None})
            charts[name] = [path]
    return charts


def _warm(figure: Figure, part: Mapping[str, Any]) -> None:
    """Every sample as a dot, one line per measure of both."""
    axes = figure.subplots()
    found = [row for row in rows(part) if row.beside]
    for place, row in enumerate(found):
        for offset, worker, values in ((0.12, "ours", row.ours), (-0.12, "contrib", row.beside)):
            heights = [-place + offset] * len(values)
            label = worker if place == 0 else None
            axes.plot(values, heights, "o", color=COLORS[worker], alpha=0.5, label=label)
    axes.set_yticks([-place for place in range(len(found))], [row.measure for row in found])
    axes.set_xlabel("milliseconds")
    axes.set_xlim(left=0)
    _finish(axes)


def _endurance(figure: Figure, part: Mapping[str, Any]) -> None:
    """Each resource over the invocations."""
    names = {"threads": "threads", "fds": "file descriptors", "rss_kib": "resident memory, MiB"}
    for axes, (name, label) in zip(figure.subplots(1, 3), names.items(), strict=True):
        for line, series in part["points"].items():
            values = [v / 1024 for v in series[name]] if name == "rss_kib" else series[name]
            worker, _, suffix = line.partition(",")
            style = "--" if suffix else "-"
            axes.plot(values, style, color=COLORS[worker], label=line)
        axes.set_xlabel("invocation")
        axes.set_title(label, fontsize=10)
        axes.set_ylim(bottom=0)
        _finish(axes)


def _stress(figure: Figure, part: Mapping[str, Any]) -> None:
    """How many workflows took longer than so many seconds."""
    styles = {"deadline": "-", "mixed": "--", "idle": ":", "late-idle": "-."}
    settings = part["points"].items()
    for axes, (setting, series) in zip(figure.subplots(1, 2, sharey=True), settings, strict=True):
        for name, latencies in series.items():
            worker, load = name.split()
            slowest = sorted(latencies, reverse=True)
            ranks = [rank + 1 for rank in range(len(slowest))]
            axes.step(slowest, ranks, styles[load], color=COLORS[worker], label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("seconds from start to result")
        axes.set_title(f"server setting {setting}", fontsize=10)
        _finish(axes)
    figure.axes[0].set_ylabel("workflows that took longer")


def _cost(figure: Figure, part: Mapping[str, Any]) -> None:
    """The model's lines and the measured points."""
    axes = figure.subplots()
    for name, series in part["points"]["model"].items():
        style = "--" if name == "limit" else "-"
        label = "pure work" if name == "limit" else f"{name}, model"
        axes.plot(*zip(*series, strict=True), style, color=COLORS[name], label=label)
    for name, series in part["points"]["measured"].items():
        label = f"{name}, measured"
        axes.plot(*zip(*series, strict=True), "o", color=COLORS[name], label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("workflows per second")
    axes.set_ylabel("billed seconds per workflow")
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


CHARTS: dict[str, Callable[[Figure, Mapping[str, Any]], None]] = {
    "warm": _warm,
    "endurance": _endurance,
    "stress": _stress,
    "cost": _cost,
}
