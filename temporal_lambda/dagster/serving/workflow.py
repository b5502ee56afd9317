"""A run as a workflow: its ops are activities, and it outlives any invocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_lambda.dagster.serving.op_failure import clean_text, text_of
from temporal_lambda.dagster.serving.payload_size import (
    MAX_BATCH_BYTES,
    MAX_PAYLOAD_BYTES,
    REMEDY,
    size_of,
    without_largest,
)
from temporal_lambda.dagster.serving.plan import WORKFLOW, OpPlan, Run, run_ops

MAX_DESCRIPTION = 50_000
"""Characters of what a run failed with; those of its ops have bounds of their own."""


@workflow.defn(name=WORKFLOW, versioning_behavior=VersioningBehavior.PINNED)
class DagsterRun:
    """Runs the ops of a Dagster run in their order; independent ones at the same time."""

    @workflow.run
    async def run(self, run: Run) -> dict[str, Any]:
        """Run it.

        Returns:
            ``{"ops_processed": <how many>, "results": {<op>: <output>}}``.

        Raises:
            ApplicationError: Ops failed; names them. It has the type of the first one's error.
        """
        calls = _OpActivities(run)
        outcome = await run_ops(run, calls.execute)
        if outcome.errors:
            raise ApplicationError(
                describe_errors(outcome.errors),
                type=_type_of(next(iter(outcome.errors.values()))),
                non_retryable=True,
            )
        converter = workflow.payload_converter()
        results = without_largest(
            outcome.outputs, lambda value: size_of(converter, value), MAX_PAYLOAD_BYTES
        )
        return {"ops_processed": len(results), "results": results}


class _OpActivities:
    """Schedules the activities of a run, no more at once than fit into a message to the server."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._task = -1
        self._bytes = 0

    async def execute(self, op: OpPlan, outputs: dict[str, Any]) -> Any:
        args = self._run.args(op, outputs, report=True)
        size = checked_size(op, args, workflow.payload_converter())
        while not self._fits(size):
            await workflow.sleep(timedelta(milliseconds=1))
        report = await workflow.execute_activity(
            op.activity,
            args=args,
            activity_id=op.name,
            summary=op.name,
            retry_policy=op.retries.policy(),
            start_to_close_timeout=timedelta(seconds=op.start_to_close_timeout),
            schedule_to_close_timeout=_timedelta(op.schedule_to_close_timeout),
            heartbeat_timeout=_timedelta(op.heartbeat_timeout),
        )
        return report["output"]

    def _fits(self, size: int) -> bool:
        """Whether more arguments of this size fit into the current workflow task's answer."""
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._bytes = task, 0
        if self._bytes and self._bytes + size > MAX_BATCH_BYTES:
            return False
        self._bytes += size
        return True


def checked_size(op: OpPlan, args: list[Any], converter: PayloadConverter) -> int:
    """Bytes of an op's arguments.

    Raises:
        ApplicationError: They are too large for the server, or can't be encoded.
    """
    try:
        size = size_of(converter, *args)
    except Exception as error:
        raise ApplicationError(
            f"its arguments can't be encoded: {type(error).__name__}: {clean_text(str(error))}",
            type="ArgumentsError",
            non_retryable=True,
        ) from None
    if size > MAX_PAYLOAD_BYTES:
        raise ApplicationError(
            f"its config and the outputs of the ops before it ({', '.join(op.upstream)}) have "
            f"{size} bytes, and an op can be given {MAX_PAYLOAD_BYTES}: {REMEDY}",
            type="ArgumentsError",
            non_retryable=True,
        )
    return size


def describe_errors(errors: Mapping[str, BaseException]) -> str:
    """What ops failed with, in a text that is cut where it gets long.

    Args:
        errors: By op.

    Example:
        >>> describe_errors({"load": ValueError("no table")})
        'op load failed: ValueError: no table'
    """
    described = "; ".join(f"op {op} failed: {_describe(error)}" for op, error in errors.items())
    return clean_text(described, MAX_DESCRIPTION)


def _describe(error: BaseException) -> str:
    cause = _cause(error)
    if isinstance(cause, ApplicationError):
        return f"{cause.type}: {cause.message}" if cause.type else cause.message
    return f"{type(cause).__name__}: {text_of(cause)}"


def _type_of(error: BaseException) -> str:
    cause = _cause(error)
    known = cause.type if isinstance(cause, ApplicationError) else None
    return known or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    return error.cause or error if isinstance(error, ActivityError) else error


def _timedelta(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
