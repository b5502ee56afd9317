"""What came of an invocation: what was abandoned, the report, and what the handler returns.

All of this runs on the handler's thread, when the timeline's loop has ended or was left behind, or
when SIGTERM interrupts the wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import BrokenExecutor
from typing import Any

from temporal_lambda.cloudwatch_metrics import Shape
from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import DeadlineError, EventLoopBlockedError, causes
from temporal_lambda.naming import name_abandoned
from temporal_lambda.process import end_process, is_lambda, is_replaced
from temporal_lambda.runtime.budget import TERMINATION
from temporal_lambda.runtime.executors import KnownExecutors
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.runtime.task_queues import worker_configs

logger = logging.getLogger("temporal_lambda.invocation")


class Ending:
    """The end of one invocation.

    Args:
        config: The invocation's configuration.
        progress: How far it has come.
        executors: What the execution environment knows of its executors.
    """

    def __init__(
        self,
        config: LambdaWorkerConfig,
        progress: Progress,
        executors: KnownExecutors | None = None,
    ) -> None:
        self._config = config
        self._progress = progress
        self._executors = executors or KnownExecutors()
        self._left_a_loop = False
        self._used_up: list[str] = []

    def hurry(self) -> float:
        """Make do with the time between SIGTERM and the kill. Called in a signal handler.

        Returns:
            The moment by which hooks must begin.
        """
        progress = self._progress
        # In this order: whoever sees that it came finds its budget there.
        progress.budget = progress.budget.hurry(TERMINATION)
        progress.signal.hurried = True
        closing = progress.budget.close()
        if progress.steps:
            progress.steps.hurry(closing)
        return closing.drain_end

    def leave_loop(self, where: str, *, is_alive: bool) -> None:
        """Note that a loop was left behind, and what for.

        Args:
            where: The line of code it is at.
            is_alive: Whether it still runs callbacks: what it awaits does not end, then.
        """
        how = "it still awaits, although it was cancelled, at" if is_alive else "it blocks at"
        if self._progress.steps:
            if step := self._progress.steps.abandon_current():
                logger.error("%s was abandoned: %s %s", name_abandoned(step), how, where)
            return
        phase = self._progress.report.current_phase
        if is_alive:
            self._progress.failed(DeadlineError(f"{phase} did not end in time: {how} {where}"))
        else:
            self._progress.failed(
                EventLoopBlockedError(
                    f"the event loop is blocked at {where}; use a thread or an async call there"
                )
            )
        worker = self._progress.worker
        running = worker.activities.describe() if worker else []
        self._progress.report.abandoned += [
            *running,
            {phase if is_alive else "event loop": where},
        ]
        self._left_a_loop = True
        self._progress.leave_phase()

    def write_report(
        self, left_over: list[str], cancelled: list[str], error: BaseException | None
    ) -> None:
        """Write the report; end the process where the setting says so.

        Args:
            left_over: Tasks that did not end with the loop, by name.
            cancelled: Tasks of the user's that ended because the loop did, by name.
            error: What the timeline raised, if it did.
        """
        progress, report = self._progress, self._progress.report
        if not report.abandoned:
            report.abandoned += [{"task": name} for name in left_over]
        if error:
            progress.failed(error)
        progress.leave_phase()
        progress.count_work()
        progress.error = progress.first_error()
        self._check_executors()
        must_recycle = self._must_recycle() and is_lambda()
        report.recycled = must_recycle and is_replaced()
        if must_recycle and not report.recycled:
            logger.error(
                "this process goes on although work that could not be stopped stays behind in it: "
                "on a Managed Instance no process is begun in place of one that has ended. It may "
                'harm the next invocations; "abandoned" in the report names it'
            )
        # Nothing of these goes on, but what they would have done is not done.
        report.abandoned += [{"background task": name} for name in cancelled]
        report.measure(self._config.invocation.elapsed())
        if self._config.cloudwatch_metrics:
            report.print_metrics(
                self._config.worker_config.get("task_queue") or "unknown",
                Shape(self._config.cloudwatch_namespace, self._config.cloudwatch_dimensions),
            )
        else:
            report.log()
        self._config.invocation.over()
        if report.recycled:
            end_process(progress.error)

    def _check_executors(self) -> None:
        report = self._progress.report
        if self._progress.signal.hurried:
            return
        is_broken = any(
            isinstance(error, BrokenExecutor) for error in causes(self._progress.error, hidden=True)
        )
        self._used_up = self._executors.used_up(
            worker_configs(self._config), suspect=is_broken or bool(report.abandoned)
        )
        for option in self._used_up:
            report.abandoned.append({"executor": option})
            logger.error(
                'worker_config["%s"] is used up: what was abandoned holds all its threads or '
                "processes, so that in this execution environment nothing else would ever begin. "
                "Make it in the configure callback, and it is new in each invocation",
                option,
            )

    def _must_recycle(self) -> bool:
        recycling, worker = self._config.recycle_environment, self._progress.worker
        # After SIGTERM the process is Lambda's to end.
        hurried = self._progress.signal.hurried
        if recycling == "never" or hurried or not self._progress.report.abandoned:
            return False
        left = worker and worker.started and (worker.stuck or self._left_a_loop)
        poisoned = self._used_up or (worker and left and worker.polls)
        return recycling == "abandoned" or bool(poisoned)

    def result(self) -> Any:
        """What the handler returns.

        Raises:
            BaseException: The first error of the configure callback, the connection, the worker,
                the strategy or the teardown.
        """
        error = self._progress.error
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            # Lambda's runtime would take these for its own end.
            raise RuntimeError(f"user code raised {error!r}") from error
        if error:
            raise error
        return self._progress.stop.result
