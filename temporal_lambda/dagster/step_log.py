"""Entries of an event log that tell of a step, as Dagster itself would have written them."""

from __future__ import annotations

from typing import Any

from dagster import DagsterEvent, DagsterEventType, EventLogEntry

from temporal_lambda.dagster.dagster_internals import StepHandle, UnresolvedStepHandle


def step_event(
    job_name: str, step_key: str, kind: DagsterEventType, message: str, data: Any = None
) -> DagsterEvent:
    """An event of a step.

    Args:
        job_name: Of the step's run.
        step_key: The step, whose number is known if it has one.
        kind: What happened.
        message: What the log shows.
        data: What events of this kind hold.
    """
    handle = StepHandle.parse_from_key(step_key)
    assert not isinstance(handle, UnresolvedStepHandle)
    return DagsterEvent(
        kind.value,
        job_name,
        step_handle=handle,
        step_kind_value="COMPUTE",
        event_specific_data=data,
        message=message,
        step_key=step_key,
    )


def step_entry(
    run_id: str,
    job_name: str,
    step_key: str,
    at: float,
    level: int,
    message: str,
    event: DagsterEvent | None = None,
) -> EventLogEntry:
    """An entry of a step.

    Args:
        run_id: The run.
        job_name: Its job.
        step_key: The step.
        at: When, in seconds since the epoch.
        level: Of ``logging``.
        message: The log line.
        event: What it tells of; none for a mere log line.
    """
    return EventLogEntry(  # type: ignore[no-untyped-call] # Dagster's.
        error_info=None,
        level=level,
        user_message=message,
        run_id=run_id,
        timestamp=at,
        step_key=step_key,
        job_name=job_name,
        dagster_event=event,
    )
