"""How far an invocation has come: what its timeline knows, and its end reads."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from temporal_lambda.errors import causes
from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.closing_steps import ClosingSteps
from temporal_lambda.runtime.main_thread import explain
from temporal_lambda.runtime.stop_signal import StopSignal
from temporal_lambda.runtime.work_strategy import Stop
from temporal_lambda.runtime.worker import InvocationWorker

logger = logging.getLogger("temporal_lambda.invocation")


class Progress:
    """The state of one invocation.

    The loop that runs the timeline writes it. When that loop has ended, or was left behind, it
    belongs to the handler's thread.

    Args:
        report: What will be logged.
        budget: The time there is.

    Attributes:
        signal: Ends it before its time.
        worker: The worker, once the phase of working has begun.
        steps: Hooks and teardown, once they have begun.
        work_began: Whether a work strategy has run.
        stop: Why the work ended.
        error: The first error.
    """

    def __init__(self, report: InvocationReport, budget: Budget) -> None:
        self.report = report
        self.budget = budget
        self.signal = StopSignal()
        self.worker: InvocationWorker | None = None
        self.steps: ClosingSteps | None = None
        self.work_began = False
        self.stop = Stop("error")
        self.error: BaseException | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase."""
        with self.report.phase(name, self.budget.deadline.clock):
            yield

    def leave_phase(self) -> None:
        """End the phase that runs, if a loop that was left behind has not ended it."""
        self.report.leave_phase(self.report.current_phase, self.budget.deadline.clock)

    def failed(self, error: BaseException) -> None:
        """Note an error; the first one is what the handler raises."""
        explain(error)
        self.report.failed(error)
        if self.error is None:
            self.error = error
            if len(list(causes(error))) > 1:
                # Lambda's runtime shows only the outermost of them.
                logger.error("%s failed", self.report.current_phase, exc_info=error)
        else:
            logger.error("%s failed as well", self.report.current_phase, exc_info=error)

    def first_error(self) -> BaseException | None:
        """What the handler raises: the first error, or what the teardown has made of it."""
        raised = self.steps.teardown_error if self.steps else None
        if raised and (self.error is None or self.error in causes(raised, hidden=True)):
            return raised
        return self.error

    def tasks_so_far(self) -> Mapping[str, int] | None:
        """The tasks that have begun, by kind; ``None`` where that is not known, or not yet."""
        worker = self.worker
        if worker and self.work_began and (worker.counted or not worker.started):
            return {str(kind): count for kind, count in worker.slots.tasks.items()}
        return None

    def count_work(self) -> None:
        """Note why the work ended and what was done, as far as it is known by now."""
        worker, tasks = self.worker, self.tasks_so_far()
        if self.stop.reason == "signal" or self.work_began:
            self.report.stop_reason = self.stop.reason
        if worker and tasks is not None:
            self.report.count(tasks, worker.slots.busy_seconds, worker.tasks_by_queue())
