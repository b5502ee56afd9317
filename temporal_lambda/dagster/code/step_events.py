"""The events of a step, within what a Temporal server takes, and those of steps not executed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from dagster import DagsterEvent, DagsterEventType, EventLogEntry

from temporal_lambda.dagster.code.execution import serialized
from temporal_lambda.dagster.code.run_data import Note
from temporal_lambda.dagster.dagster_internals import (
    SerializableErrorInfo,
    StepFailureData,
)
from temporal_lambda.dagster.packed_text import pack
from temporal_lambda.dagster.serving.op_failure import clean_text
from temporal_lambda.dagster.step_log import step_entry, step_event

MAX_ERROR = 2_000
"""Characters of a step's error that the run's own failure shows."""


class EventsTooLargeError(Exception):
    """What a step reported can't be kept, even without its log lines."""


def packed_entries(entries: Sequence[EventLogEntry], limit: int) -> str:
    """Entries of an event log, packed; log lines are left out where there are too many.

    Args:
        entries: In order.
        limit: Bytes of the packed text.

    Raises:
        EventsTooLargeError: The events alone are larger.
    """
    packed = pack(serialized(list(entries)))
    if len(packed) <= limit:
        return packed
    events = [entry for entry in entries if entry.dagster_event is not None]
    if len(events) < len(entries):
        left_out = len(entries) - len(events)
        told = log_line(entries[-1], f"{left_out} log lines are in the function's own log.")
        packed = pack(serialized([*events, told]))
    if len(packed) > limit:
        raise EventsTooLargeError(
            f"its events have {len(packed)} bytes, packed, and a Temporal server keeps {limit}: "
            "report less metadata, or keep it elsewhere and report its address"
        )
    return packed


def why_failed(event: DagsterEvent) -> str:
    """The message of what a step raised, without what Dagster says around it.

    Args:
        event: Its failure.
    """
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    return clean_text(error.message.strip(), MAX_ERROR) if error else "no error"


def log_line(beside: EventLogEntry, message: str) -> EventLogEntry:
    """A log line of the step that another entry is of, at the same time."""
    return beside._replace(level=logging.INFO, user_message=message, dagster_event=None)


def entries_of(note: Note, run_id: str, job_name: str) -> list[EventLogEntry]:
    """What the event log has of a step that is not executed.

    Args:
        note: What became of it.
        run_id: The run.
        job_name: Its job.
    """

    def entry(level: int, message: str, event: DagsterEvent | None = None) -> EventLogEntry:
        return step_entry(run_id, job_name, note.key, time.time(), level, message, event)

    if note.kind == "abandoned":
        return [entry(logging.ERROR, note.message)]
    if note.kind == "skipped":
        message = f'Skipped execution of step "{note.key}".'
        skipped = step_event(job_name, note.key, DagsterEventType.STEP_SKIPPED, message)
        return [
            entry(logging.INFO, note.message),
            entry(logging.DEBUG, message, skipped),
        ]
    message = f'Execution of step "{note.key}" failed.'
    error = SerializableErrorInfo(note.message, [], "StepNotExecuted")
    failure = StepFailureData(error, None)  # type: ignore[no-untyped-call] # Dagster's.
    failed = step_event(job_name, note.key, DagsterEventType.STEP_FAILURE, message, failure)
    return [entry(logging.ERROR, message, failed)]
