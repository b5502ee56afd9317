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
        self._counts: Counter[str] = Counter()
        self._billed_ms = 0

    def finish(self, record: InvocationRecord) -> None:
        """An invocation has ended."""
        self._finished.append(record)
        self._billed_ms += record.billed_ms
        self._counts["failed" if failures(record) else "succeeded"] += 1
        self._counts["with abandoned work"] += bool((record.report or {}).get("abandoned"))

    def render(self, console: Console) -> Group:
        """The table for a terminal of this size, with its totals."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        wide = console.width >= WIDE
        names = [*COLUMNS, *(WIDE_COLUMNS if wide else ()), "status"]
        for name in names:
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        rows = max(FEWEST_ROWS, console.height // 2 - AROUND)
        running = self._running()
        under_way = set(map(id, running))
        # What runs stays in sight; beside it, the newest of what has ended.
        shown = [*list(self._finished.copy())[-rows:], *running][-rows:]
        for record in shown:
            runs = id(record) in under_way
            cells = [*_cells(record, runs), *(_wide_cells(record, runs) if wide else ())]
            table.add_row(*map(Text, cells), _status(record, runs))
        return Group(table, self._totals(len(running)), self._workflow_totals())

    def _totals(self, running: int) -> Text:
        total = running + self._counts["succeeded"] + self._counts["failed"]
        text = Text(f"{total} invocations: ")
        text.append_text(_counted({"running": running, **self._counts}))
        return text.append(f"; billed {seconds(self._billed_ms)}")

    def _workflow_totals(self) -> Text:
        total = sum(self.workflows.values())
        return Text(f"{total} workflows: ").append_text(_counted(self.workflows))


COLUMNS = ("#", "start", "time", "tasks", "ended by")

WIDE_COLUMNS = ("billed", "memory")


def _counted(counts: Mapping[str, int]) -> Text:
    parts = [
        Text(f"{count} {name}", style=STYLES.get(name, ""))
        for name, count in counts.items()
        if count
    ]
    return Text(", ").join(parts) if parts else Text("none")


STYLES = {
    "failed": FAILED,
    "with abandoned work": FAILED,
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
    tasks = (record.report or {}).get("tasks") or {}
    return " ".join(f"{count}{kind[0]}" for kind, count in tasks.items() if count) or "-"


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


def _cells(record: InvocationRecord, is_running: bool) -> tuple[str, ...]:
    age = datetime.now(timezone.utc) - record.started_at
    time = age.total_seconds() * 1000 if is_running else record.duration_ms
    return (
        str(record.number),
        "cold" if record.cold else "warm",
        seconds(max(0.0, time)),
        "..." if is_running else short_tasks(record),
        "" if is_running else printable_line(str((record.report or {}).get("stop_reason") or "-")),
    )


def _wide_cells(record: InvocationRecord, is_running: bool) -> tuple[str, str]:
    memory = record.max_memory_mb
    return (
        "" if is_running else f"{record.billed_ms} ms",
        "" if is_running or memory is None else f"{memory} MB",
    )


def _status(record: InvocationRecord, is_running: bool) -> Text:
    if is_running:
        return Text("running", style=RUNNING)
    if wrong := failures(record):
        return Text(printable_line("; ".join(wrong)), style=FAILED)
    return Text(record.status, style=GOOD)
