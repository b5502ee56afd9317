"""What ``temporal-lambda dev`` shows: log lines as they come, invocations as a table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from temporal_lambda.local.invocation_table import InvocationTable, failures
from temporal_lambda.local.printer import Printer
from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.terminal_text import printable, printable_line
from temporal_lambda.local.worker_lines import read_report, read_worker
from temporal_lambda.local.workflow_progress import WorkflowProgress

DIM, RED, PLAIN = Style(dim=True), Style(color="red"), Style()


class Line(NamedTuple):
    """A line to print.

    Attributes:
        text: The line.
        request_id: Of the invocation whose log it is in; empty for a line of ``dev`` itself.
        style: How to print it.
    """

    text: str
    request_id: str = ""
    style: Style = PLAIN


class Display:
    """Writes to a terminal with a live table, or plain lines to anything else.

    Args:
        console: Where to write.
        running: Returns the invocations under way.
        reports: Whether to print what each invocation's report says about its phases.
    """

    def __init__(
        self,
        console: Console,
        running: Callable[[], list[InvocationRecord]] = list,
        *,
        reports: bool = False,
    ) -> None:
        self._console = console
        self._reports = reports
        self._table = InvocationTable(running)
        self._live: Live | None = None
        self._awaited: tuple[str, float, WorkflowProgress] | None = None
        self._printer: Printer[Line] = Printer(self._print)

    @contextmanager
    def live(self, *, goes: bool = False) -> Iterator[None]:
        """Keep the table at the bottom of the terminal; without a terminal, do nothing.

        Args:
            goes: Whether it goes away at the end of the block, rather than staying as it is then.
        """
        if not self._console.is_terminal:
            yield
            return
        with Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=goes,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    @property
    def is_live(self) -> bool:
        """Whether there is a table to fill."""
        return self._live is not None

    def close(self) -> None:
        """Print what is left; nothing can be said after this."""
        self._printer.close()

    def say(self, text: str, *, error: bool = False) -> None:
        """Print a line unchanged, without markup.

        Args:
            text: The line, or several.
            error: Whether to print it in red.
        """
        for line in printable(text).split("\n"):
            self._printer.put(Line(line, style=RED if error else PLAIN))

    def log_line(self, request_id: str, line: str) -> None:
        """Print a line of the function's log, prefixed by its request id."""
        if line:
            self._printer.put(Line(line, request_id))

    def finished(self, record: InvocationRecord) -> None:
        """Add an invocation that has ended, or print it as a line."""
        self._table.finish(record)
        if self._reports and record.report:
            self.say(f"report      {record.number}  {describe_phases(record)}")
        if not self.is_live:
            cells = "  ".join(f"{name} {cell}" for name, cell in _facts(record).items())
            self.say(f"invocation {cells}", error=bool(failures(record)))

    def count_workflows(self, by_status: Mapping[str, int]) -> None:
        """Show how many workflows there are, by status."""
        self._table.workflows = by_status

    @contextmanager
    def awaiting(self, workflow_id: str) -> Iterator[Callable[[WorkflowProgress], None]]:
        """Show how far a workflow has come that somebody waits for.

        Args:
            workflow_id: Its id.

        Yields:
            What to call when it has come further: below the table it changes a text, otherwise it
            prints a line.
        """
        begun = time.monotonic()
        self._awaited = workflow_id, begun, WorkflowProgress()

        def told(progress: WorkflowProgress) -> None:
            self._awaited = workflow_id, begun, progress
            if not self.is_live:
                elapsed = time.monotonic() - begun
                self.say(f"workflow    {elapsed:.1f} s, {printable_line(progress.describe())}")

        try:
            yield told
        finally:
            self._awaited = None

    def _render(self) -> Group:
        table = self._table.render(self._console)
        # Once: whoever waits may be done at any moment, in another thread.
        awaited = self._awaited
        if awaited is None:
            return table
        workflow_id, begun, progress = awaited
        elapsed = f"{time.monotonic() - begun:.1f} s"
        lines = [f"{workflow_id}: {elapsed}, {progress.events} events", *progress.waits_for]
        text = "\n  ".join(map(printable_line, lines))
        return Group(table, Text(text, no_wrap=True, overflow="ellipsis"))

    def _print(self, lines: list[Line], left_out: int) -> None:
        if left_out:
            note = f"... {left_out} lines are not shown: this terminal is slower than the function"
            lines = [*lines, Line(note, style=DIM)]
        self._console.print(_Segments(lines, brief=self.is_live), end="", soft_wrap=True)


class _Segments:
    """Lines as rich prints them fastest: ready segments, without any markup or wrapping."""

    def __init__(self, lines: list[Line], *, brief: bool) -> None:
        self._lines = lines
        self._brief = brief

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, request_id, style in self._lines:
            if not request_id:
                yield Segment(f"{text}\n", style)
            elif not self._hides(text, request_id):
                yield Segment(f"{request_id[:8]} ", DIM)
                yield Segment(f"{printable_line(text)}\n", style)

    def _hides(self, text: str, request_id: str) -> bool:
        """Whether the table says it already, or will."""
        lambdas_own = _FRAME.match(text) if self._brief else None
        if lambdas_own and lambdas_own[1] == request_id:
            return True
        return bool(read_report(text, request_id) or read_worker(text, request_id))


_FRAME = re.compile(r"(?:START|END|REPORT) RequestId: (\S+)")


def describe_tasks(record: InvocationRecord) -> str:
    """Tasks by kind, e.g. ``2 workflow, 1 activity``."""
    tasks = record.tasks or {}
    return ", ".join(f"{count} {kind}" for kind, count in tasks.items() if count) or "-"


def describe_phases(record: InvocationRecord) -> str:
    """How long each phase of an invocation took, and what went wrong in it."""
    phases = (record.report or {}).get("phases_ms") or {}
    times = ", ".join(f"{name} {time:g} ms" for name, time in phases.items())
    return "; ".join([times, *failures(record)])


def _facts(record: InvocationRecord) -> dict[str, str]:
    report = record.report or {}
    memory = record.max_memory_mb
    facts = {
        "#": str(record.number),
        "start": "cold" if record.cold else "warm",
        "duration": f"{record.duration_ms:.0f} ms",
        "billed": f"{record.billed_ms} ms",
        "memory": "-" if memory is None else f"{memory} MB",
        "tasks": describe_tasks(record),
        "stopped by": str(report.get("stop_reason") or "-"),
        "status": "; ".join(failures(record)) or record.status,
    }
    return {name: printable_line(fact) for name, fact in facts.items()}
