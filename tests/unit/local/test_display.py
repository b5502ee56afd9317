"""What ``dev`` prints, and the thread that prints it."""

from __future__ import annotations

import io
import threading

from rich.console import Console

from temporal_lambda.local import printer
from temporal_lambda.local.display import Display
from temporal_lambda.local.printer import Printer
from tests.unit.local.test_invocation_table import record

REPORT = {"phases_ms": {"connect": 4.8, "work": 103.0}, "errors": ["hook: x"], "tasks": None}


def test_lines_come_in_their_order_and_none_is_lost() -> None:
    output = io.StringIO()
    display = Display(Console(file=output, width=80))
    for number in range(10_000):
        display.log_line("request-1", f"line {number}")
    display.say("the last")
    display.close()
    lines = output.getvalue().splitlines()
    assert lines == [*(f"request- line {number}" for number in range(10_000)), "the last"]


def test_report_shows_phases_and_what_went_wrong() -> None:
    output = io.StringIO()
    display = Display(Console(file=output, width=200), reports=True)
    display.finished(record(7, report=REPORT))
    display.close()
    report, invocation = output.getvalue().splitlines()
    assert report == "report      7  connect 4.8 ms, work 103 ms; hook: x"
    assert invocation.endswith("tasks -  stopped by -  status hook: x")


def test_whoever_speaks_does_not_wait_for_a_terminal_that_is_stuck() -> None:
    stuck = threading.Event()
    shown: list[tuple[int, int]] = []

    def show(items: list[int], left_out: int) -> None:
        shown.append((len(items), left_out))
        stuck.wait(5)

    slow: Printer[int] = Printer(show)
    for number in range(printer.MAX_PENDING + 10):
        slow.put(number)
    stuck.set()
    slow.close()
    assert sum(items + left_out for items, left_out in shown) == printer.MAX_PENDING + 10
