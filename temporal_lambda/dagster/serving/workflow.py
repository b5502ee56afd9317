"""A run as a workflow: its ops are activities, and it outlives any invocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_lambda.dagster.serving.plan import WORKFLOW, OpPlan, Run, run_ops


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
        outcome = await run_ops(run, _run_op)
        if outcome.errors:
            raise ApplicationError(
                describe_errors(outcome.errors),
                type=_type_of(next(iter(outcome.errors.values()))),
                non_retryable=True,
            )
        return outcome.result


async def _run_op(op: OpPlan, args: list[Any]) -> Any:
    return await workflow.execute_activity(
        op.activity,
        args=args,
        summary=op.name,
        retry_policy=op.retries.policy(),
        start_to_close_timeout=timedelta(seconds=op.start_to_close_timeout),
        schedule_to_close_timeout=_timedelta(op.schedule_to_close_timeout),
        heartbeat_timeout=_timedelta(op.heartbeat_timeout),
    )


def describe_errors(errors: Mapping[str, BaseException]) -> str:
    """What ops failed with, in a text.

    Args:
        errors: By op.

    Example:
        >>> describe_errors({"load": ValueError("no table")})
        'op load failed: ValueError: no table'
    """
    return "; ".join(f"op {op} failed: {_describe(error)}" for op, error in errors.items())


def _describe(error: BaseException) -> str:
    cause = _cause(error)
    if isinstance(cause, ApplicationError):
        return f"{cause.type}: {cause.message}" if cause.type else cause.message
    return f"{type(cause).__name__}: {cause}"


def _type_of(error: BaseException) -> str:
    cause = _cause(error)
    known = cause.type if isinstance(cause, ApplicationError) else None
    return known or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    return error.cause or error if isinstance(error, ActivityError) else error


def _timedelta(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
