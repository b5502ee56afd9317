"""What ``dev`` prints, and the thread that prints it."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import pytest
from rich.console import Console

from temporal_lambda.local import printer
from temporal_lambda.local.display import Display
from temporal_lambda.local.printer import Printer
from temporal_lambda.local.workflow_progress import WorkflowProgress
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


def test_workflow_that_is_awaited_is_a_line_for_each_change_where_no_terminal_is() -> None:
    output = io.StringIO()
    display = Display(Console(file=output, width=60))
    with display.live(), display.awaiting("order-1") as told:
        told(WorkflowProgress(3))
        told(WorkflowProgress(5, ("activity pack\x1b[2J, attempt 1 runs", "activity ship " * 9)))
    display.close()
    first, second = output.getvalue().splitlines()
    assert re.fullmatch(r"workflow    \d\.\d s, 3 events", first)
    assert re.fullmatch(
        r"workflow    \d\.\d s, 5 events; activity pack\\x1b\[2J, attempt 1 runs; .*ship ", second
    )


def test_workflow_that_is_awaited_stands_below_the_table_of_a_terminal() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=60, height=24)
    display = Display(console)
    with display.live():
        with display.awaiting("order-1") as told:
            told(WorkflowProgress(5, ("activity pack, attempt 2 runs", "child workflow " * 9)))
            shown = io.StringIO()
            Console(file=shown, width=60).print(display._render())
        assert "order-1" not in str(display._render().renderables)
    display.close()
    *_, head, first, second = shown.getvalue().splitlines()
    assert re.fullmatch(r"order-1: \d\.\d s, 5 events", head)
    assert first == "  activity pack, attempt 2 runs"
    assert len(second) == 60
    assert second.endswith("…")
    assert "workflow    " not in output.getvalue()


def test_workflow_may_be_done_while_the_table_is_drawn() -> None:
    """It is drawn in other threads than the one that waits."""

    class DoneAtOnce(Display):
        """Somebody waits at the first look, and nobody at the next one."""

        looks = 0

        def __getattribute__(self, name: str) -> Any:
            if name != "_awaited":
                return super().__getattribute__(name)
            self.looks += 1
            return ("order-1", 0.0, WorkflowProgress(5)) if self.looks == 1 else None

    display = DoneAtOnce(Console(file=io.StringIO(), width=60))
    shown = io.StringIO()
    Console(file=shown, width=60).print(display._render())
    display.close()
    assert "5 events" in shown.getvalue()


def test_lines_that_can_not_be_printed_keep_no_later_ones_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown: list[int] = []
    tried = threading.Semaphore(0)

    def show(items: list[int], left_out: int) -> None:
        tried.release()
        if items[0] < 2:
            raise TypeError("no such line")
        shown.extend(items)

    fragile: Printer[int] = Printer(show)
    for number in range(3):
        fragile.put(number)
        assert tried.acquire(timeout=10)
    fragile.close()
    assert shown == [2]
    # Told once.
    assert [record.message for record in caplog.records] == ["1 lines could not be printed"]
