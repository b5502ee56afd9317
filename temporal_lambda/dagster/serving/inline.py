"""A run inside one invocation: the same activities, and no Temporal server."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from temporal_lambda.dagster.serving.answer import Answers
from temporal_lambda.dagster.serving.inline_activities import (
    Functions,
    InlineActivities,
    NotBegunError,
)
from temporal_lambda.dagster.serving.plan import OpPlan, Outcome, Run, run_ops
from temporal_lambda.dagster.serving.step_report import Step, StepsTold
from temporal_lambda.dagster.serving.workflow import describe_errors
from temporal_lambda.errors import RunFailedError
from temporal_lambda.runtime.work_strategy import Stop, Work


class RunInline:
    """A work strategy: run the ops here and now.

    When the time for work is over, ops in flight are told as by a worker that shuts down: they may
    go on for the graceful timeout, then they are canceled.

    Args:
        run: The run.
        functions: The function of each op, by the op's name.
        answers: Answers about this run.
    """

    connects = polls = False

    def __init__(self, run: Run, functions: Functions, answers: Answers) -> None:
        self._run = run
        self._functions = functions
        self._answers = answers
        self._outcome: Outcome | None = None
        self._in_flight: list[str] = []
        self._errors: dict[str, Exception] = {}
        self._steps: dict[str, Step] = {}

    async def run(self, work: Work) -> Stop:
        """See base class."""
        activities = InlineActivities(self._run, self._functions, work, self._steps)

        async def execute(op: OpPlan, outputs: dict[str, Any]) -> Any:
            self._in_flight.append(op.name)
            try:
                return await activities.execute(op, self._run.args(op, outputs, report=True))
            except NotBegunError:
                raise
            except Exception as error:
                self._errors[op.name] = error
                raise
            finally:
                if not activities.stopping:
                    self._in_flight.remove(op.name)

        running = asyncio.create_task(run_ops(self._run, execute))
        try:
            self._outcome = await asyncio.shield(running)
        except asyncio.CancelledError:
            activities.stop()
            await asyncio.wait({running}, timeout=work.budget.fitting_graceful_timeout)
            if running.done() and not running.cancelled():
                outcome = running.result()
                if not any(isinstance(one, NotBegunError) for one in outcome.errors.values()):
                    self._outcome = outcome
                raise
            activities.cancel()
            running.cancel()
            await activities.wait()
            raise
        return Stop("result", self._answer(self._outcome))

    def outcome(self) -> Any:
        """See base class."""
        if self._outcome:
            return self._answer(self._outcome)
        where = f"op {', '.join(self._in_flight)}" if self._in_flight else "the first op"
        cut_off = (
            f"the function's time was over at {where}: give the function a longer timeout, or make "
            "its runs durable"
        )
        for name in self._in_flight:
            self._steps[name].fail(RunFailedError(cut_off), time.time())
        before = f"{describe_errors(self._errors)}; " if self._errors else ""
        return self._answers.failed(before + cut_off, self._told())

    def _told(self) -> StepsTold:
        return StepsTold(list(self._steps.values()))

    def _answer(self, outcome: Outcome) -> dict[str, Any]:
        if outcome.errors:
            return self._answers.failed(describe_errors(outcome.errors), self._told())
        return self._answers.success(outcome.result, self._told())
