"""A run, planned: which activity each op is, with what, after which others. Plain data, since it
is also what a workflow is started with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.common import RetryPolicy

from temporal_lambda.dagster.serving.run_context import RunContext

WORKFLOW = "DagsterRun"
"""The workflow type that runs a plan."""

MOST_ATTEMPTS = 1000
"""Attempts of an op without a retry policy. They are only used up by invocations that end under it,
and an op that goes on from its heartbeats may need many; but not without any end."""

ANY_ERROR = "temporal_lambda.dagster.any"
"""Among the error types of a retry policy that are not retried: whatever the op itself raises."""

OP_CALL = "temporal_lambda.dagster.op_call"
"""The only key of the last argument of an activity that is called as an op."""

CONFIG_AND_UPSTREAM = 2
"""The most an op is given: its config, and the outputs of the ops upstream."""

LONGEST_FUNCTION = timedelta(minutes=15)
"""The longest a Lambda invocation may take (AWS's quota)."""


@dataclass(frozen=True)
class Retries:
    """A retry policy as plain data; times in seconds.

    Attributes:
        maximum_attempts: 0 for no limit.
    """

    initial_interval: float = 1.0
    backoff_coefficient: float = 2.0
    maximum_interval: float | None = None
    maximum_attempts: int = 0
    non_retryable_error_types: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, policy: RetryPolicy | None) -> Retries:
        """The retries a policy asks for; without one, only those of attempts that were cut off."""
        if policy is None:
            return cls(maximum_attempts=MOST_ATTEMPTS, non_retryable_error_types=[ANY_ERROR])
        longest = policy.maximum_interval
        return cls(
            policy.initial_interval.total_seconds(),
            policy.backoff_coefficient,
            longest.total_seconds() if longest else None,
            policy.maximum_attempts,
            list(policy.non_retryable_error_types or ()),
        )

    def policy(self) -> RetryPolicy:
        """The retry policy as the server takes it."""
        longest = self.maximum_interval
        return RetryPolicy(
            initial_interval=timedelta(seconds=self.initial_interval),
            backoff_coefficient=self.backoff_coefficient,
            maximum_interval=None if longest is None else timedelta(seconds=longest),
            maximum_attempts=self.maximum_attempts,
            non_retryable_error_types=self.non_retryable_error_types,
        )

    def pause(self, attempt: int) -> float:
        """Seconds between an attempt that failed, the first being 1, and the next.

        Example:
            >>> Retries(initial_interval=2.0).pause(attempt=3)
            8.0
            >>> Retries().pause(attempt=5000)
            100.0
        """
        # The server's default for the longest interval is a hundred times the first.
        longest = self.maximum_interval or 100 * self.initial_interval
        try:
            pause = self.initial_interval * self.backoff_coefficient ** (attempt - 1)
        except OverflowError:
            return longest
        return min(longest, pause)


@dataclass(frozen=True)
class OpPlan:
    """One op of a run.

    Attributes:
        name: The op; ``graph.op`` inside a graph.
        activity: The activity's name.
        config: The op's config.
        inputs: Values for inputs, by name.
        upstream: The ops whose outputs it gets, which are over before it begins.
        arguments: How many of (config, upstream) the activity takes.
        retries: When it is attempted again.
        start_to_close_timeout: Seconds one attempt may take.
        schedule_to_close_timeout: Seconds all attempts may take; ``None`` for no limit.
        heartbeat_timeout: Seconds an attempt may be silent; ``None`` for no limit.
    """

    name: str
    activity: str
    config: Any = None
    inputs: dict[str, Any] = field(default_factory=dict)
    upstream: list[str] = field(default_factory=list)
    arguments: int = 2
    retries: Retries = field(default_factory=Retries)
    start_to_close_timeout: float = LONGEST_FUNCTION.total_seconds()
    schedule_to_close_timeout: float | None = None
    heartbeat_timeout: float | None = None

    def args(self, outputs: Mapping[str, Any]) -> list[Any]:
        """What to call the activity with; ``Run.args`` adds what ``dagster_run()`` tells the op.

        Args:
            outputs: Of the ops upstream, by name.

        Returns:
            The config and the outputs, as far as the activity takes them, and a mark by which the
            handler knows that it is called as an op.
        """
        given = [self.config, {**self.inputs, **outputs}][: self.arguments]
        return [*given, {OP_CALL: {"op": self.name}}]


@dataclass(frozen=True)
class Run:
    """A Dagster run: what a workflow that runs a job is given.

    Attributes:
        run_id: Dagster's run id; ``None`` if the payload's mode does not carry it.
        job_name: The job; ``None`` if neither the payload nor the handler names one.
        ops: In an order in which they can run.
        context: What the payload says of the run.
        outputs: Of ops that ran in the parent run and don't run again, by name.
    """

    run_id: str | None
    job_name: str | None
    ops: list[OpPlan]
    context: RunContext = field(default_factory=RunContext)
    outputs: dict[str, Any] = field(default_factory=dict)

    def args(self, op: OpPlan, outputs: Mapping[str, Any], *, report: bool = False) -> list[Any]:
        """What to call the activity of an op with.

        Args:
            op: The op.
            outputs: Of the ops upstream, by name.
            report: Whether the activity is to return an ``OpReport`` instead of its output.
        """
        given = op.args(outputs)[:-1]
        call = {"op": op.name, "report": report, "run": asdict(self.context)}
        return [*given, {OP_CALL: call}]

    @property
    def missing_outputs(self) -> list[str]:
        """Ops whose outputs are needed, that don't run here, and whose outputs are not known."""
        here = {op.name for op in self.ops} | set(self.outputs)
        takers = [op for op in self.ops if op.arguments == CONFIG_AND_UPSTREAM]
        needed = dict.fromkeys(name for op in takers for name in op.upstream)
        return [name for name in needed if name not in here]

    @property
    def title(self) -> str:
        """What to call it, in a text.

        Example:
            >>> Run("8f1c", "etl", []).title
            'job etl, run 8f1c'
        """
        known = {"job": self.job_name, "run": self.run_id}
        return ", ".join(f"{what} {name}" for what, name in known.items() if name) or "a run"


class Outcome(NamedTuple):
    """What became of the ops of a run.

    Attributes:
        outputs: Of the ops that are through, by name.
        errors: Of those that failed; ops downstream of them never began.
    """

    outputs: dict[str, Any]
    errors: dict[str, Exception]

    @property
    def result(self) -> dict[str, Any]:
        """What a successful run is answered with."""
        return {"ops_processed": len(self.outputs), "results": self.outputs}


Execute = Callable[[OpPlan, dict[str, Any]], Awaitable[Any]]
"""Runs one op, given the outputs of the ops upstream by name; returns its output."""


async def run_ops(run: Run, execute: Execute) -> Outcome:
    """Run the ops of a run, each as soon as those upstream of it are through.

    What does not depend on an op that failed goes on to its end, as in Dagster. Cancelled, it
    cancels every op.

    Args:
        run: The run.
        execute: Runs one op.
    """
    tasks: dict[str, asyncio.Task[Any]] = {}
    for op in run.ops:
        upstream = {name: tasks[name] for name in op.upstream if name in tasks}
        given = {name: run.outputs[name] for name in op.upstream if name in run.outputs}
        tasks[op.name] = asyncio.ensure_future(_run_after(upstream, given, op, execute))
    endings = await asyncio.gather(*tasks.values(), return_exceptions=True)
    outcome = Outcome({}, {})
    for name, ending in zip(tasks, endings, strict=True):
        if isinstance(ending, _Skipped):
            continue
        if isinstance(ending, Exception):
            outcome.errors[name] = ending
        elif isinstance(ending, BaseException):
            raise ending
        else:
            outcome.outputs[name] = ending
    return outcome


class _Skipped(Exception):
    """An op upstream failed."""


async def _run_after(
    upstream: dict[str, asyncio.Task[Any]], given: dict[str, Any], op: OpPlan, execute: Execute
) -> Any:
    endings = await asyncio.gather(*upstream.values(), return_exceptions=True)
    if any(isinstance(ending, BaseException) for ending in endings):
        raise _Skipped
    return await execute(op, {**given, **dict(zip(upstream, endings, strict=True))})
