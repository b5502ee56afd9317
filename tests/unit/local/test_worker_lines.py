"""Lines that look like a worker's, and are the function's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from temporal_lambda.local.invocation_table import InvocationTable
from temporal_lambda.local.worker_lines import read_report
from temporal_lambda.report import INVOCATION
from temporal_lambda.tracking.slots import KINDS
from tests.unit.local.test_invocation_table import record, shown


def line(**fields: Any) -> str:
    return f"{INVOCATION} {json.dumps({'request_id': 'id', **fields})}"


def test_tasks_of_each_kind_there_is_are_read_and_shown() -> None:
    tasks = dict.fromkeys(KINDS, 2)
    report = read_report(line(tasks=tasks, tasks_by_queue={"orders": tasks}), "id")
    assert report is not None
    table = InvocationTable(list)
    table.finish(record(1, report=report))
    assert "2w 2a 2l 2n in all" in shown(table)[-1]


@pytest.mark.parametrize(
    "tasks",
    [{"": 1}, {"mischief": 1}, {"activity": -1}, {"activity": True}, {"activity": 10**4000}, []],
)
def test_report_with_tasks_that_no_worker_counts_is_a_line_like_any_other(tasks: Any) -> None:
    """The table adds them up, and draws its totals for as long as ``dev`` runs."""
    assert read_report(line(tasks=tasks), "id") is None
    assert read_report(line(tasks_by_queue={"orders": tasks}), "id") is None
