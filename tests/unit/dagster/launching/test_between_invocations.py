"""What is noted between two invocations of a run, and how often."""

from __future__ import annotations

from typing import Any, cast

import pytest

from temporal_lambda.dagster.launching.between_invocations import BetweenInvocations
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.outcome import Outcome


class Notes(list[str]):
    """Stands for an event log."""

    note = list.append


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def between(notes: Notes) -> BetweenInvocations:
    return BetweenInvocations(cast(RunEventLog, notes), "etl")


def retrying(op: str, attempt: int, message: str, kind: str = "ValueError") -> dict[str, Any]:
    error = {"type": kind, "message": message}
    return {"op": op, "status": "retrying", "earlier": [{"attempt": attempt, "error": error}]}


def answer(*steps: Any, **more: Any) -> Outcome:
    return Outcome("running", steps=steps, **more)


def test_note_tells_what_a_pending_op_failed_with_last(
    between: BetweenInvocations, notes: Notes
) -> None:
    between.after_answer(answer(retrying("load", 2, "no table")), 800, quiet=False)
    assert notes == [
        "etl had to end before the run did; it goes on in the next invocation. "
        "op load failed at attempt 2: ValueError: no table."
    ]


def test_failure_is_told_once_and_the_next_one_again(
    between: BetweenInvocations, notes: Notes
) -> None:
    for attempt in (1, 1, 2):
        between.after_answer(answer(retrying("load", attempt, "no table")), 0.1, quiet=False)
    told = [note for note in notes if "op load failed" in note]
    assert len(told) == 2
    assert told[1] == "op load failed at attempt 2: ValueError: no table."


def test_failures_of_a_run_are_bounded(between: BetweenInvocations, notes: Notes) -> None:
    for attempt in range(500):
        between.after_answer(answer(retrying("load", attempt, "x" * 10_000)), 0.1, quiet=False)
    assert len(notes) == 20
    assert max(map(len, notes)) < 1_000


@pytest.mark.parametrize(
    "step",
    [
        None,
        {"op": "load", "status": "success"},
        {"op": "load", "status": "retrying", "earlier": "none"},
        {"op": "load", "status": "retrying", "earlier": [7]},
        {"op": "load", "status": "retrying", "earlier": [{"attempt": 1, "error": "no object"}]},
        retrying(
            "load", 1, "the Lambda invocation ended before the activity did", "WorkerShutdown"
        ),
    ],
)
def test_what_is_no_failure_of_an_op_is_not_told_as_one(
    step: Any, between: BetweenInvocations, notes: Notes
) -> None:
    between.after_answer(answer(step), 800, quiet=False)
    assert notes == ["etl had to end before the run did; it goes on in the next invocation."]


def test_work_of_another_invocation_is_noted_once(
    between: BetweenInvocations, notes: Notes
) -> None:
    for _ in range(3):
        between.after_answer(answer(elsewhere=True), 0.2, quiet=False)
    (note,) = notes
    assert note.startswith("Another invocation of etl works for the run")


def test_each_build_that_is_missed_is_noted_once(between: BetweenInvocations, notes: Notes) -> None:
    for build in ("1", "1", "2"):
        between.after_answer(answer(pinned_to=build), 0.2, quiet=False)
    assert [note.split(" is ")[0] for note in notes] == ["Build 1", "Build 2"]


def test_run_that_will_be_canceled_gets_no_note(between: BetweenInvocations, notes: Notes) -> None:
    between.after_answer(answer(retrying("load", 2, "no table")), 800, quiet=True)
    assert notes == []
