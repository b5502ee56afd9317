"""The activities of a run's workflow: one executes a step, one writes down what is not executed."""

from __future__ import annotations

import threading
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Literal

from dagster import DagsterEvent
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from temporal_lambda.dagster.code.code_location import code_location
from temporal_lambda.dagster.code.execution import CutOffError, Execution
from temporal_lambda.dagster.code.history_io import Values, values_of_step
from temporal_lambda.dagster.code.launched_run import plan_of, unpack_run
from temporal_lambda.dagster.code.run_data import NOTE, STEP, Note, Notes, StepCall, StepResult
from temporal_lambda.dagster.code.step_events import (
    MAX_ERROR,
    EventsTooLargeError,
    entries_of,
    packed_entries,
    why_failed,
)
from temporal_lambda.dagster.dagster_internals import RetryMode
from temporal_lambda.dagster.serving.op_failure import clean_text
from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES
from temporal_lambda.errors import PayloadError

MOST_CUT_OFF = 20
"""How often an invocation may end under a step: what does not fit into one that often will not fit
the next time either, and costs a whole invocation each time."""

BEAT_SECONDS = 2.0
"""Between two signs of life of a step. By the answers it learns that it was canceled."""

EVENTS_BYTES = MAX_PAYLOAD_BYTES // 2
"""Of a step's events, packed; the rest is left to its outputs."""


@activity.defn(name=STEP)
def execute_step(call: StepCall) -> StepResult:
    """Execute one step of a run.

    Args:
        call: Which, of what, after what.

    Returns:
        What it came to. A step that fails is a result, too.

    Raises:
        ApplicationError: It can't be executed here at all.
        CancelledError: It was canceled, or the invocation ended under it.
    """
    attempt = activity.info().attempt
    if attempt > MOST_CUT_OFF:
        raise ApplicationError(
            f"step {call.key} was cut off {MOST_CUT_OFF} times by the end of its invocation, each "
            "time from the beginning: give the function a longer timeout, or divide the step",
            type="CutOff",
            non_retryable=True,
        )
    values = Values(call.values)
    try:
        with _Beats(), values_of_step(values):
            return _execute(call, values)
    except (PayloadError, EventsTooLargeError) as error:
        told = f"step {call.key}: {clean_text(str(error))}"
        raise ApplicationError(told, type=type(error).__name__, non_retryable=True) from None
    except (CutOffError, CancelledError):
        # For the runtime, which knows whether the invocation ended or somebody has canceled it.
        raise CancelledError("the step was interrupted") from None


@activity.defn(name=NOTE)
def write_notes(run: str, notes: list[Note]) -> Notes:
    """The events of steps that are not executed.

    Args:
        run: The run, packed.
        notes: What became of them.
    """
    record, _ = unpack_run(run)
    entries = [one for note in notes for one in entries_of(note, record.run_id, record.job_name)]
    return Notes(packed_entries(entries, MAX_PAYLOAD_BYTES))


def _execute(call: StepCall, values: Values) -> StepResult:
    run, known_state = unpack_run(call.run)
    job = code_location(call.definitions).job_of(run)
    plan = plan_of(job, run, known_state, [call.key])
    outcome = _Outcome(call.key)
    execution = Execution(job, plan, run, RetryMode(call.retry_mode), activity.is_cancelled)
    with execution.begun() as events:
        try:
            for event in events:
                outcome.take(event)
        except (CutOffError, CancelledError):
            raise
        except Exception as error:
            # Before the step itself began, such as in a resource that can't be made.
            outcome.error = clean_text(f"{type(error).__name__}: {error}", MAX_ERROR)
        if outcome.status is None and activity.is_cancelled():
            raise CutOffError("without an end")
        entries = execution.entries()
        if outcome.status is None:
            note = Note(call.key, "failed", outcome.error)
            entries += entries_of(note, run.run_id, run.job_name)
        packed = packed_entries(entries, EVENTS_BYTES)
    return StepResult(
        outcome.status or "failure",
        packed,
        outcome.wait,
        outcome.outputs,
        values.produced if outcome.status == "success" else {},
        outcome.error,
    )


@dataclass
class _Outcome:
    """What the events of a step say of its end."""

    key: str
    status: Literal["success", "failure", "retry"] | None = None
    wait: float = 0.0
    outputs: list[tuple[str, str | None]] = field(default_factory=list)
    error: str = "it ended without success or failure"

    def take(self, event: DagsterEvent) -> None:
        if event.step_key != self.key:
            return
        if event.is_successful_output:
            handle = event.step_output_data.step_output_handle
            self.outputs.append((handle.output_name, handle.mapping_key))
        elif event.is_step_success:
            self.status = "success"
        elif event.is_step_up_for_retry:
            self.status, self.wait = "retry", float(event.step_retry_data.seconds_to_wait or 0)
        elif event.is_step_failure:
            self.status = "failure"
            self.error = why_failed(event)


class _Beats:
    """A context with signs of life, from a thread of its own: the step's is busy."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def __enter__(self) -> _Beats:
        context = copy_context()
        threading.Thread(target=context.run, args=(self._beat,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            activity.heartbeat()
