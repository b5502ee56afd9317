"""What becomes of a workflow when something breaks: observed by tests, told in a document.

Each fault's test observes a row. The table in ``docs/reliability.md`` consists of these rows. A
test whose row differs from it fails, and ``pytest --write-reliability`` writes it anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from temporal_lambda.local import InvocationRecord

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
WRITE = "--write-reliability"
"""The option of pytest that writes the rows."""

BEGIN, END = "<!-- rows: written by the tests -->\n", "<!-- end of rows -->"


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        fault: What broke, and when.
        workflow: What its history shows at the end.
        handler: What the invocation did that was hit.
        logged: What the log says of it.
    """

    fault: str
    workflow: str
    handler: str
    logged: str

    def __str__(self) -> str:
        return f"| {' | '.join(cell.replace('|', '/') for cell in self)} |"


async def seen_in_history(handle: WorkflowHandle[Any, Any]) -> str:
    """How a workflow ended, and which attempt of its activity did it."""
    description = await handle.describe()
    assert description.status
    attempt, timed_out, operations = 0, 0, 0
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            attempt = event.activity_task_started_event_attributes.attempt
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            timed_out += 1
        if event.event_type == EventType.EVENT_TYPE_NEXUS_OPERATION_COMPLETED:
            operations += 1
    words = [description.status.name.lower()]
    if operations:
        words.append("its operation answered")
    else:
        words.append(f"activity attempt {attempt}" if attempt else "its local activity run anew")
    if timed_out:
        words.append(f"{timed_out} workflow task timed out")
    return ", ".join(words)


def seen_in_record(record: InvocationRecord) -> str:
    """How an invocation ended, as Lambda and its own report tell it."""
    report = record.report
    if not report:
        return record.status
    words: list[str] = [record.status]
    if report["stop_reason"]:
        words.append(f"stopped by {report['stop_reason']}")
    if report["connection"] == "replaced":
        words.append("connection replaced")
    return ", ".join(words)


def seen_in_log(record: InvocationRecord) -> str:
    """What the log says beyond the ordinary report, without what differs from run to run."""
    report = record.report
    if not report:
        return _anonymous(record.error or "nothing")
    told = [_anonymous(error) for error in report["errors"]]
    told += [
        "abandoned: " + (entry["activity"] if "activity" in entry else next(iter(entry)))
        for entry in report["abandoned"]
        # Whether its answer came within SIGTERM's half second says more of the machine; whether it
        # arrived, the workflow's column says.
        if "hand-back" not in entry
    ]
    return "; ".join(told) or "the report"


def _anonymous(text: str) -> str:
    text = re.sub(r"RequestId: \S+ Error: ", "", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "`host:port`", text)
    text = re.sub(r"can't be reached: .*?\. Check", "can't be reached: … . Check", text)
    text = re.sub(r"within the [\d.]+ s", "within the N s", text)
    text = re.sub(r"limit of \d+", "limit of N", text)
    return re.sub(r"at /\S+/(\w+\.py):\d+", r"at \1", text)


def check(row: Row, *, write: bool) -> None:
    """Compare a row with the document, or put it there.

    Raises:
        AssertionError: The document tells another story.
    """
    before, rows, after = _read()
    if write:
        rows[row.fault] = str(row)
        _write(before, rows.values(), after)
    assert rows.get(row.fault) == str(row)


def documented_faults() -> list[str]:
    """The faults in the document."""
    return list(_read()[1])


def _read() -> tuple[str, dict[str, str], str]:
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return before, {line.split(" | ")[0].removeprefix("| "): line for line in lines}, after


def _write(before: str, rows: Iterable[str], after: str) -> None:
    head = [str(Row("fault", "the workflow", "the invocation", "logged")), "|---|---|---|---|"]
    DOCUMENT.write_text(before + BEGIN + "\n".join([*head, *rows]) + "\n" + END + after)
