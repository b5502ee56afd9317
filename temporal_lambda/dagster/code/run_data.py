"""What travels between a run's workflow and its activities: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

WORKFLOW = "DagsterCodeRun"
"""The workflow type that runs the steps of a job."""

STEP = "dagster_step"
"""The activity that executes one step."""

NOTE = "dagster_note"
"""The activity that writes what became of steps that are not executed."""


@dataclass(frozen=True)
class CodeRun:
    """A run, as its workflow is started with it.

    Attributes:
        run_id: Dagster's run id.
        job_name: The job.
        definitions: What the definitions were loaded from.
        run: The run and its known state, packed.
    """

    run_id: str
    job_name: str
    definitions: str
    run: str


@dataclass(frozen=True)
class StepCall:
    """What the activity of a step is given.

    Attributes:
        key: The step.
        definitions: What the definitions are loaded from.
        run: The run, packed.
        retry_mode: Dagster's word for whether the step may ask to be retried.
        values: Output -> value in base64, of outputs that are kept in the history.
    """

    key: str
    definitions: str
    run: str
    retry_mode: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepResult:
    """What an execution of a step came to.

    Attributes:
        status: ``retry`` if the step asked to be executed again.
        wait: Seconds until then.
        outputs: Name and mapping key of each output.
        events: What the event log has of it, packed.
        values: See ``StepCall``.
        error: Of a failure: its type and message, shortened.
    """

    status: Literal["success", "failure", "retry"]
    events: str
    wait: float = 0.0
    outputs: list[tuple[str, str | None]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Note:
    """What became of a step that is not executed.

    Attributes:
        key: The step.
        kind: ``abandoned`` leaves a log line and no event, as in Dagster.
        message: Why.
    """

    key: str
    kind: Literal["skipped", "abandoned", "failed"]
    message: str


@dataclass(frozen=True)
class Notes:
    """The events of notes.

    Attributes:
        events: Packed.
    """

    events: str
