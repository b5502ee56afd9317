"""A run as a workflow: it holds the plan and the state, and each step is an activity."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_lambda.dagster.code.progress import Progress
from temporal_lambda.dagster.code.run_data import (
    NOTE,
    STEP,
    WORKFLOW,
    CodeRun,
    Note,
    Notes,
    StepCall,
    StepResult,
)
from temporal_lambda.dagster.serving.op_failure import clean_text, text_of
from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES, REMEDY, size_of
from temporal_lambda.dagster.serving.plan import LONGEST_FUNCTION

SILENCE = timedelta(seconds=20)
"""How long a step may give no sign of life before its process counts as dead."""

RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=SILENCE)
"""Of attempts that an invocation's end cut off, or whose process died. What a step itself raises is
a result, and retried as Dagster would."""

MAX_NAMED = 20
"""Failed steps that the run's failure names."""


# Dagster's own state machine decides what comes next. It is not made for the sandbox, which would
# import all of it once more for each run; what is used of it depends on nothing but its arguments.
# Any error ends the run: it would come again each time the workflow is tried, for ever.
@workflow.defn(
    name=WORKFLOW,
    sandboxed=False,
    failure_exception_types=[Exception],
    versioning_behavior=VersioningBehavior.PINNED,
)
class DagsterCodeRun:
    """Runs the steps of a Dagster run in the order that Dagster gives them."""

    @workflow.run
    async def run(self, run: CodeRun) -> dict[str, Any]:
        """Run it.

        Returns:
            ``{"steps": <how many succeeded>}``.

        Raises:
            ApplicationError: Steps failed; names them.
            PayloadError: The run can't be carried out here.
        """
        progress = Progress(run)
        steps = _Steps(run, progress)
        await steps.execute()
        if progress.failed:
            raise ApplicationError(
                describe_failed(progress.failed), type="StepFailure", non_retryable=True
            )
        return {"steps": steps.succeeded}


class _Steps:
    """Executes the steps of one run."""

    def __init__(self, run: CodeRun, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self.succeeded = 0

    async def execute(self) -> None:
        """Execute all steps that can be, each as soon as it can."""
        with self._progress as progress:
            under_way: list[asyncio.Task[None]] = []
            while True:
                while notes := progress.passed_over():
                    await self._note(notes)
                for key in progress.ready():
                    under_way.append(asyncio.create_task(self._step(key)))
                if not under_way:
                    return
                try:
                    done, rest = await workflow.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:
                    for task in under_way:
                        task.cancel()
                    raise
                under_way = list(rest)
                for task in done:
                    task.result()

    async def _step(self, key: str) -> None:
        while True:
            try:
                result = await self._attempt(self._progress.call(key))
            except ActivityError as error:
                if workflow.cancellation_reason() is not None:
                    raise
                told = _told(error)
                await self._note([Note(key, "failed", told)])
                self._progress.fail(key, told)
                return
            self._progress.take(key, result)
            if result.status != "retry":
                self.succeeded += result.status == "success"
                return
            if result.wait:
                await workflow.sleep(timedelta(seconds=result.wait))

    async def _attempt(self, call: StepCall) -> StepResult:
        size = size_of(workflow.payload_converter(), call)
        if size > MAX_PAYLOAD_BYTES:
            raise ApplicationError(
                f"step {call.key} would be given {size} bytes of run config and inputs, and "
                f"{MAX_PAYLOAD_BYTES} can be: {REMEDY}",
                type="ArgumentsError",
                non_retryable=True,
            )
        result: StepResult = await workflow.execute_activity(
            STEP,
            call,
            result_type=StepResult,
            activity_id=call.key,
            summary=call.key,
            retry_policy=RETRIES,
            start_to_close_timeout=LONGEST_FUNCTION,
            heartbeat_timeout=SILENCE,
        )
        return result

    async def _note(self, notes: list[Note]) -> None:
        await workflow.execute_activity(
            NOTE,
            args=[self._run.run, notes],
            result_type=Notes,
            summary=", ".join(note.key for note in notes[:MAX_NAMED]),
            retry_policy=RETRIES,
            start_to_close_timeout=LONGEST_FUNCTION,
        )


def describe_failed(failed: dict[str, str]) -> str:
    """What steps failed with.

    Args:
        failed: Step -> why.

    Example:
        >>> describe_failed({"load": "ValueError: no table"})
        "Steps failed: ['load']. load: ValueError: no table"
    """
    named = list(failed)[:MAX_NAMED]
    whys = "; ".join(f"{key}: {failed[key]}" for key in named)
    more = f" and {len(failed) - MAX_NAMED} more" if len(failed) > MAX_NAMED else ""
    return clean_text(f"Steps failed: {named}{more}. {whys}", 50_000)


def _told(error: ActivityError) -> str:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.message
    return f"{type(cause or error).__name__}: {text_of(cause or error)}"
