"""Events of steps are written once, in their order, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, EventLogEntry

from temporal_lambda.dagster.dagster_internals import StepSuccessData, serialize_value
from temporal_lambda.dagster.launching.event_replay import EventReplay
from temporal_lambda.dagster.packed_text import pack


def entry(kind: str, at: float, step: str = "a", run_id: str = "9d6c", **more: Any) -> str:
    data = StepSuccessData(1.0) if kind == "STEP_SUCCESS" else None  # type: ignore[no-untyped-call] # Dagster's.
    event = DagsterEvent(
        kind, more.pop("job_name", "etl"), step_key=step, event_specific_data=data, message=kind
    )
    return text(event, at, step, run_id)


def text(event: DagsterEvent | None, at: float, step: str, run_id: str = "9d6c") -> str:
    made = EventLogEntry(None, 10, "a line", run_id, at, step, "etl", event)  # type: ignore[no-untyped-call] # Dagster's.
    return serialize_value(made)


def batch(step: str, begin: float, end: float) -> str:
    return pack(
        [
            entry("STEP_START", begin, step),
            text(None, (begin + end) / 2, step),
            entry("STEP_SUCCESS", end, step),
        ]
    )


@dataclass
class Replayed:
    """A run, and what was written of it."""

    instance: DagsterInstance
    run: DagsterRun

    def anew(self) -> EventReplay:
        """As another process would make it."""
        return EventReplay(self.instance, self.run.run_id)

    def written(self) -> list[tuple[str, str]]:
        return [
            (log.step_key or "", log.dagster_event.event_type_value if log.dagster_event else "LOG")
            for log in self.instance.all_logs(self.run.run_id)
            if log.step_key
        ]


@pytest.fixture(scope="module")
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def replayed(instance: DagsterInstance) -> Iterator[Replayed]:
    yield Replayed(instance, instance.add_run(DagsterRun("etl", run_id="9d6c")))
    instance.delete_run("9d6c")


A = [("a", "STEP_START"), ("a", "LOG"), ("a", "STEP_SUCCESS")]
B = [("b", "STEP_START"), ("b", "LOG"), ("b", "STEP_SUCCESS")]


def test_batches_are_written_by_the_time_of_their_events(replayed: Replayed) -> None:
    batches = [batch("a", 100.0, 104.0), batch("b", 101.0, 103.0)]
    assert replayed.anew().replay(replayed.run, batches, 0, 0) == (2, [])
    assert [step for step, _ in replayed.written()] == ["a", "b", "a", "b", "b", "a"]


def test_batches_that_are_there_are_not_written_again(replayed: Replayed) -> None:
    replay, batches = replayed.anew(), [batch("a", 100.0, 101.0), batch("b", 102.0, 103.0)]
    assert replay.replay(replayed.run, batches[:1], 0, 0) == (1, [])
    assert replay.replay(replayed.run, batches, 0, 1) == (2, [])
    assert replay.replay(replayed.run, batches[1:], 1, 2) == (2, [])
    # Another process that knows of nothing.
    assert replayed.anew().replay(replayed.run, batches, 0, 0) == (2, [])
    assert replayed.written() == [*A, *B]


def test_batch_that_was_half_written_is_completed(replayed: Replayed) -> None:
    whole = batch("a", 100.0, 101.0)
    replayed.anew().replay(replayed.run, [pack([entry("STEP_START", 100.0, "a")])], 0, 0)
    replayed.anew().replay(replayed.run, [whole], 0, 0)
    assert replayed.written() == A


def test_batches_after_a_gap_are_waited_for(replayed: Replayed) -> None:
    assert replayed.anew().replay(replayed.run, [batch("b", 1.0, 2.0)], 1, 0) == (0, [])
    assert replayed.written() == []


def test_step_that_was_shown_under_way_begins_once(replayed: Replayed) -> None:
    replay, under_way = replayed.anew(), [{"step": "a", "attempt": 1, "start": 99.0}]
    for _ in range(2):
        replay.show_under_way(replayed.run, under_way)
    assert replayed.written() == A[:1]
    batches = [batch("a", 100.0, 101.0)]
    replay.replay(replayed.run, batches, 0, 0)
    # What was asked before the end is not shown after it, in no process.
    replay.show_under_way(replayed.run, under_way)
    replayed.anew().replay(replayed.run, batches, 0, 0)
    replayed.anew().show_under_way(replayed.run, under_way)
    assert replayed.written() == A


def test_steps_under_way_end_with_a_canceled_run(replayed: Replayed) -> None:
    replay = replayed.anew()
    replay.replay(replayed.run, [batch("b", 1.0, 2.0)], 0, 0)
    replay.show_under_way(replayed.run, [{"step": "a", "attempt": 1, "start": 99.0}])
    replay.interrupt(replayed.run)
    replay.interrupt(replayed.run)
    assert replayed.written() == [*B, ("a", "STEP_START"), ("a", "STEP_FAILURE")]


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "",
        "no batch",
        pack(["{}"]),
        pack(["{"]),
        pack(['{"__class__": "DagsterRun"}']),
        pack([entry("STEP_START", 1.0, run_id="1234")]),
        pack([entry("STEP_START", 1.0, job_name="other")]),
        pack([text(DagsterEvent(DagsterEventType.RUN_SUCCESS.value, "etl"), 1.0, "a")]),
        pack([text(DagsterEvent(DagsterEventType.RUN_CANCELED.value, "etl"), 1.0, "a")]),
    ],
)
def test_what_is_no_event_of_a_step_of_the_run_is_told_and_left_out(
    replayed: Replayed, hostile: Any
) -> None:
    batches = [hostile, batch("a", 1.0, 2.0)]
    position, problems = replayed.anew().replay(replayed.run, batches, 0, 0)
    assert (position, len(problems)) == (2, 1)
    assert replayed.written() == A
    run = replayed.instance.get_run_by_id("9d6c")
    assert run
    assert not run.is_finished


@pytest.mark.parametrize(
    "hostile", [None, 3, {}, {"step": 3}, {"step": "a"}, {"step": "a[?]", "attempt": 1, "start": 1}]
)
def test_steps_under_way_that_make_no_sense_are_left_out(replayed: Replayed, hostile: Any) -> None:
    replayed.anew().show_under_way(replayed.run, [hostile])
    assert replayed.written() == []
