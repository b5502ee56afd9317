"""What ``temporal-lambda dev`` shows: log lines as they come, invocations as a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.worker_lines import read_report, read_worker

SHOWN = 12
"""Invocations in the live table; it must fit a terminal of 24 lines."""

COLUMNS = ("#", "start", "duration", "billed", "memory", "tasks", "stopped by", "status")


class Display:
    """Writes to a terminal with a live table, or plain lines to anything else.

    Args:
        console: Where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: deque[InvocationRecord] = deque(maxlen=SHOWN)
        self._live: Live | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keep the table at the bottom of the terminal; without a terminal, do nothing."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, get_renderable=self.table, refresh_per_second=4) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def say(self, text: str) -> None:
        """Print a line unchanged, without markup."""
        self._console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    def log_line(self, request_id: str, line: str) -> None:
        """Print a line of the function's log, prefixed by its request id."""
        if not line or read_report(line, request_id) or read_worker(line, request_id):
            return
        # The runtime client indents tracebacks with no-break spaces.
        text = printable(line.replace("\N{NO-BREAK SPACE}", " ").expandtabs(2))
        prefix = Text(request_id[:8], style="dim")
        self._console.print(prefix, text, highlight=False, markup=False, soft_wrap=True)

    def finished(self, record: InvocationRecord) -> None:
        """Add an invocation to the table, or print it as a line."""
        self._rows.append(record)
        if self._live:
            self._live.refresh()
        else:
            cells = zip(COLUMNS, _cells(record), strict=True)
            self.say("invocation " + "  ".join(f"{name} {cell}" for name, cell in cells))

    def table(self) -> Table:
        """The invocations so far, newest last."""
        table = Table(*COLUMNS, title="invocations", title_justify="left", expand=False)
        for record in self._rows:
            table.add_row(*map(Text, _cells(record)))
        return table


def describe_tasks(record: InvocationRecord) -> str:
    """Tasks by kind, e.g. ``2 workflow, 1 activity``."""
    tasks = (record.report or {}).get("tasks") or {}
    return ", ".join(f"{count} {kind}" for kind, count in tasks.items() if count) or "-"


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey.

    Control characters, which could move the cursor or set the window's title, and those that turn
    the direction of writing are shown by their escape sequences.

    Args:
        text: What a function printed, for instance; line feeds in it remain.

    Returns:
        The text with such characters replaced.

    Example:
        >>> printable("\\x1b]0;mine\\x07 done")
        '\\\\x1b]0;mine\\\\x07 done'
    """
    return text.translate(_ESCAPES)


def _cells(record: InvocationRecord) -> tuple[str, ...]:
    report = record.report or {}
    cells = (
        str(record.number),
        "cold" if record.cold else "warm",
        f"{record.duration_ms:.0f} ms",
        f"{record.billed_ms} ms",
        "-" if record.max_memory_mb is None else f"{record.max_memory_mb} MB",
        describe_tasks(record),
        str(report.get("stop_reason") or "-"),
        (record.error or record.status)[:60],
    )
    return tuple(printable(cell).replace("\n", " ") for cell in cells)


_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000)]
_DIRECTIONS = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {
    code: ascii(chr(code))[1:-1] for code in (*_CONTROLS, *_DIRECTIONS) if chr(code) != "\n"
}
"""Control characters, line separators, lone surrogates, and Unicode's Bidi_Control."""
