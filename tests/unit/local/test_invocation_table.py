"""The table of ``dev``: what it shows of many invocations in terminals of several sizes."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

import pytest
from rich.console import Console

from temporal_lambda.local import InvocationRecord
from temporal_lambda.local.invocation_table import InvocationTable, failures


def record(number: int, **fields: Any) -> InvocationRecord:
    now = datetime.now(timezone.utc)
    return InvocationRecord(number, "id", "f", 1, "Event", 1, number == 1, now, 1, **fields)


def shown(table: InvocationTable, width: int = 80, height: int = 24) -> list[str]:
    output = io.StringIO()
    console = Console(file=output, width=width, height=height)
    console.print(table.render(console))
    return output.getvalue().splitlines()


@pytest.fixture
def full() -> InvocationTable:
    """300 invocations, of which one runs."""
    table = InvocationTable(lambda: [record(300)])
    for number in range(1, 300):
        report = {"stop_reason": "deadline", "tasks": {"workflow": 200, "activity": 100}}
        error = (
            "Runtime.ExitError: RequestId: 1-2 Error: exit status 3" if number % 3 == 0 else None
        )
        table.finish(record(number, duration_ms=12_345, report=report, error=error))
    return table


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (100, 30), (200, 50)])
def test_it_takes_half_of_the_terminal_and_keeps_the_newest(
    width: int, height: int, full: InvocationTable
) -> None:
    lines = shown(full, width, height)
    assert len(lines) <= max(14, height // 2 + 2)
    assert max(map(len, lines)) <= width
    numbers = [
        int(line.split()[0]) for line in lines if line[0] == " " and line[:4].strip().isdigit()
    ]
    assert numbers == list(range(301 - len(numbers), 301))
    assert "running" in lines[-4]


def test_times_and_tasks_are_short(full: InvocationTable) -> None:
    (row,) = [line for line in shown(full) if line.startswith(" 298")]
    assert row.split() == ["298", "warm", "12.3", "s", "200w", "100a", "deadline", "success"]


def test_what_runs_shows_its_tasks_so_far() -> None:
    told = record(1, tasks_so_far={"workflow": 80, "activity": 40, "nexus": 0})
    table = InvocationTable(lambda: [told, record(2), record(3, tasks_so_far={"workflow": 0})])
    first, second, third = (line.split() for line in shown(table)[3:6])
    assert first[-3:] == ["80w", "40a", "running"]
    assert shown(table)[-1] == "0 workflows: none; 80w 40a in all"
    # Of the second one nothing is known; the third one has begun nothing.
    assert (second[-2], third[-2]) == ("...", "-")


def test_tasks_of_the_report_are_the_last_word() -> None:
    table = InvocationTable(list)
    report = {"tasks": {"workflow": 2}, "stop_reason": "idle"}
    table.finish(record(1, tasks_so_far={"workflow": 1}, report=report))
    table.finish(record(2, tasks_so_far={"workflow": 1}, error="Runtime.ExitError: killed"))
    reported, killed = shown(table)[3:5]
    assert " 2w " in reported
    assert " 1w " in killed


def test_totals_count_all_and_not_what_is_shown(full: InvocationTable) -> None:
    full.workflows = {"running": 2, "completed": 158}
    *_, invocations, workflows = shown(full)
    assert invocations == "300 invocations, 3691.2 s billed: 1 running, 200 succeeded, 99 failed"
    assert workflows == "160 workflows: 2 running, 158 completed; 59800w 29900a in all"


def test_success_with_abandoned_work_or_a_failed_hook_is_a_failure() -> None:
    abandoned = {"abandoned": [{"hook": "flush"}], "errors": []}
    assert failures(record(1, report=abandoned)) == ["abandoned: hook flush"]
    assert failures(record(1, report={"errors": ["hook flush: ValueError: x"]})) == [
        "hook flush: ValueError: x"
    ]
    assert failures(record(1, report={"errors": [], "abandoned": []})) == []
    table = InvocationTable(list)
    table.finish(record(1, report=abandoned))
    assert "1 failed, 1 abandoned work" in shown(table)[-2]


def test_error_is_shown_without_the_request_id() -> None:
    error = "Runtime.ExitError: RequestId: 142b84c8-00e9 Error: Runtime exited: exit status 3"
    assert failures(record(1, error=error)) == ["Runtime.ExitError: Runtime exited: exit status 3"]


@pytest.mark.parametrize("abandoned", [[{}], [{"activity": 1}], [{"a": 1, "b": "\x1b[2J"}]])
def test_report_of_a_functions_own_making_breaks_nothing(abandoned: Any) -> None:
    table = InvocationTable(list)
    table.finish(record(1, report={"abandoned": abandoned}, error="two\nlines \x1b[2J"))
    assert "\x1b" not in "".join(shown(table))
