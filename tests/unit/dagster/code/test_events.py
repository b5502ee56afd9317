"""Events fit into what keeps and carries them, or it is told."""

from __future__ import annotations

import json
import random
from typing import Any

import dagster as dg
import pytest
from dagster import EventLogEntry

from temporal_lambda.dagster.code import events_told
from temporal_lambda.dagster.code.events_told import EventsTold
from temporal_lambda.dagster.code.run_data import Note
from temporal_lambda.dagster.code.step_events import (
    EventsTooLargeError,
    entries_of,
    log_line,
    packed_entries,
)
from temporal_lambda.dagster.packed_text import unpack
from tests.unit.dagster.code.runs import kinds


def failed(message: str = "no luck") -> EventLogEntry:
    (entry,) = entries_of(Note("load", "failed", message), "9d6c", "etl")
    return entry


def noise(characters: int) -> str:
    """Text that can't be packed."""
    return "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=characters))


def test_log_lines_are_left_out_where_there_are_too_many() -> None:
    entries = [failed(), *(log_line(failed(), noise(1000)) for _ in range(50))]
    told = [json.loads(text) for text in unpack(packed_entries(entries, 2_000))]
    assert [one["user_message"] for one in told] == [
        'Execution of step "load" failed.',
        "50 log lines are in the function's own log.",
    ]


def test_events_that_are_too_large_by_themselves_are_told() -> None:
    with pytest.raises(EventsTooLargeError, match="report less metadata"):
        packed_entries([failed(noise(9_000))], 2_000)


@pytest.mark.parametrize(
    ("note", "logged"),
    [
        (Note("load", "skipped", "why"), ["STEP_SKIPPED"]),
        (Note("load", "abandoned", "why"), []),
        (Note("load[a]", "failed", "why"), ["STEP_FAILURE"]),
    ],
)
def test_steps_that_are_not_executed_are_told_as_dagster_does(
    note: Note, logged: list[str]
) -> None:
    entries = entries_of(note, "9d6c", "etl")
    assert kinds(entries) == logged
    assert {(entry.run_id, entry.step_key) for entry in entries} == {("9d6c", note.key)}


def test_answer_has_the_batches_that_are_new() -> None:
    told = EventsTold(["a", "b", "c"], after=1).parts()
    assert told == {"dagster": dg.__version__, "events": {"first": 1, "batches": ["b", "c"]}}


@pytest.mark.parametrize("after", [0, 3])
def test_answer_says_that_there_is_more(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(events_told, "MAX_BYTES", 30)
    events: Any = EventsTold(["x" * 10] * 6, after).parts()["events"]
    assert len(events["batches"]) == 2
    assert events["more"] is True


def test_one_batch_goes_whatever_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_told, "MAX_BYTES", 5)
    events: Any = EventsTold(["x" * 10, "y"]).parts()["events"]
    assert events == {"first": 0, "batches": ["x" * 10], "more": True}
