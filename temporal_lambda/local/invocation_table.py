"""The table of ``temporal-lambda dev``: what runs, what has ended and how, in any terminal."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.terminal_text import printable_line
from temporal_lambda.naming import name_abandoned

KEPT = 200
"""Finished invocations kept for the table."""

FEWEST_ROWS = 3

AROUND = 5
"""Lines of the table besides its rows: heading, rule, the totals' two lines, and one to breathe."""

WIDE = 100
"""Columns from which on the table also shows billed time and memory in cells of their own."""

BETWEEN = 2
"""Blanks after each column, and around the table."""

FAILED, RUNNING, GOOD = "red", "cyan", "green"

_REQUEST = re.compile(r"RequestId: \S+ (Error: )?")


class InvocationTable:
    """Keeps what there is to show; ``render`` makes the table of it, in any thread.

    Args:
        running: Returns the invocations under way.

    Attributes:
        workflows: How many workflows there are, by status.
    """

    def __init__(self, running: Callable[[], list[InvocationRecord]]) -> None:
        self.workflows: Mapping[str, int] = {}
        self._running = running
        self._finished: deque[InvocationRecord] = deque(maxlen=KEPT)
        self._counts = {"succeeded": 0, "failed": 0, "abandoned work": 0}
        self._billed_ms = 0
        self._tasks: Counter[str] = Counter()

    def finish(self, record: InvocationRecord) -> None:
        """An invocation has ended."""
        self._finished.append(record)
        self._billed_ms += record.billed_ms
        self._tasks.update(record.tasks or {})
        self._counts["failed" if failures(record) else "succeeded"] += 1
        self._counts["abandoned work"] += bool((record.report or {}).get("abandoned"))

    def render(self, console: Console) -> Group:
        """The table for a terminal of this size, with its totals."""
        wide = console.width >= WIDE
        rows = max(FEWEST_ROWS, console.height // 2 - AROUND)
        running = self._running()
        under_way = set(map(id, running))
        # What runs stays in sight; beside it, the newest of what has ended.
        shown = [*list(self._finished.copy())[-rows:], *running][-rows:]
        cells = [_cells(record, id(record) in under_way, wide) for record in shown]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        left = console.width
        for number, name in enumerate([*COLUMNS, *(WIDE_COLUMNS if wide else ())]):
            # Of these nothing may be cut off; the status takes what they leave.
            width = max(len(text) for text in (name, *(row[number] for row in cells)))
            table.add_column(name, no_wrap=True, width=width)
            left -= width + BETWEEN
        table.add_column(
            "status", no_wrap=True, overflow="ellipsis", max_width=max(1, left - BETWEEN)
        )
        for record, row in zip(shown, cells, strict=True):
            table.add_row(*map(Text, row), _status(record, id(record) in under_way))
        return Group(table, self._totals(len(running)), self._workflow_totals(running))

    def _totals(self, running: int) -> Text:
        counts = {"running": running, **self._counts}
        total = running + counts["succeeded"] + counts["failed"]
        return _line(f"{total} invocations, {seconds(self._billed_ms)} billed: ", counts)

    def _workflow_totals(self, running: list[InvocationRecord]) -> Text:
        """Workflows by their status, and the tasks of all invocations, also of those not shown."""
        line = _line(f"{sum(self.workflows.values())} workflows: ", self.workflows)
        tasks = self._tasks.copy()
        for record in running:
            tasks.update(record.tasks or {})
        return line.append(f"; {_short(tasks)} in all") if tasks.total() else line


COLUMNS = ("#", "start", "time", "tasks", "ended by")

WIDE_COLUMNS = ("billed", "memory")


def _line(beginning: str, counts: Mapping[str, int]) -> Text:
    """Counts other than 0, on one line whatever the terminal's width."""
    parts = [
        Text(f"{count} {name}", style=STYLES.get(name, ""))
        for name, count in counts.items()
        if count
    ]
    line = Text(beginning, no_wrap=True, overflow="ellipsis")
    return line.append_text(Text(", ").join(parts or [Text("none")]))


STYLES = {
    "failed": FAILED,
    "abandoned work": FAILED,
    "timed out": FAILED,
    "terminated": FAILED,
    "canceled": FAILED,
    "running": RUNNING,
}


def seconds(milliseconds: float) -> str:
    """A time in few characters.

    Example:
        >>> [seconds(time) for time in (4.2, 1042, 61_000)]
        ['4 ms', '1.04 s', '61.0 s']
    """
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    value = milliseconds / 1000
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def short_tasks(record: InvocationRecord) -> str:
    """Tasks by the first letter of their kind, for instance ``2w 1a``."""
    return _short(record.tasks or {}) or "-"


def _short(tasks: Mapping[str, int]) -> str:
    return " ".join(f"{count}{kind[0]}" for kind, count in tasks.items() if count)


def failures(record: InvocationRecord) -> list[str]:
    """What went wrong in an invocation, also where Lambda takes it for a success.

    The request id, by which nobody finds anything here, is left out.
    """
    report = record.report or {}
    found: Iterable[str] = report.get("errors") or []
    if record.error:
        found = [_REQUEST.sub("", record.error), *found][:1]
    names = ", ".join(map(_name_abandoned, report.get("abandoned") or []))
    return [*found, *([f"abandoned: {names}"] if names else [])]


def _name_abandoned(entry: Mapping[str, Any]) -> str:
    try:
        return name_abandoned(entry)
    except (KeyError, ValueError):  # a function may print a report of its own making
        return str(dict(entry))


def _cells(record: InvocationRecord, runs: bool, wide: bool) -> list[str]:
    age = datetime.now(timezone.utc) - record.started_at
    cells = [
        str(record.number),
        "cold" if record.cold else "warm",
        seconds(max(0.0, age.total_seconds() * 1000) if runs else record.duration_ms),
        "..." if runs and record.tasks is None else short_tasks(record),
        "" if runs else printable_line(str((record.report or {}).get("stop_reason") or "-"))[:12],
    ]
    if wide:
        memory = "" if record.max_memory_mb is None else f"{record.max_memory_mb} MB"
        cells += ["", ""] if runs else [f"{record.billed_ms} ms", memory]
    return cells


def _status(record: InvocationRecord, runs: bool) -> Text:
    if runs:
        return Text("running", style=RUNNING)
    if wrong := failures(record):
        return Text(printable_line("; ".join(wrong)), style=FAILED)
    return Text(record.status, style=GOOD)
