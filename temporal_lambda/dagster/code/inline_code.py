"""A run of a job's own steps inside one invocation, without a Temporal server."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import threading
from collections.abc import Sequence
from contextvars import copy_context
from typing import Any

from dagster import DagsterRun, EventLogEntry, JobDefinition

from temporal_lambda.dagster.code.events_told import MAX_BYTES, EventsTold
from temporal_lambda.dagster.code.execution import (
    Execution,
    executor_config,
    retry_mode,
)
from temporal_lambda.dagster.code.step_events import EventsTooLargeError, packed_entries, why_failed
from temporal_lambda.dagster.code.workflow import describe_failed
from temporal_lambda.dagster.dagster_internals import (
    DagsterExecutionInterruptedError,
    ExecutionPlan,
)
from temporal_lambda.dagster.serving.answer import NOTHING, Answers, Told
from temporal_lambda.dagster.serving.op_failure import clean_text
from temporal_lambda.runtime.work_strategy import Stop, Work

logger = logging.getLogger(__name__)

OUT_OF_TIME = (
    "the function's time was over {where}. A run within one invocation can't go on in the next: "
    "give the function a longer timeout, or make its runs durable (run_dagster_code with "
    "durable=True, and the tag lambda/durable)"
)


class RunCodeInline:
    """A work strategy: execute a run here and now, one step after the other.

    When the time for work is over, the step at work is interrupted as by Dagster's own termination.

    Args:
        job: The job, as far as it was selected.
        plan: Its steps.
        run: The run.
        answers: Answers about it.
    """

    connects = polls = False

    def __init__(
        self, job: JobDefinition, plan: ExecutionPlan, run: DagsterRun, answers: Answers
    ) -> None:
        mode = retry_mode(executor_config(job, run))
        self._stopping = threading.Event()
        self._execution = Execution(job, plan, run, mode)
        self._answers = answers
        self._entries: Sequence[EventLogEntry] = ()
        self._failed: dict[str, str] = {}
        self._error: BaseException | None = None
        self._step: str | None = None
        self._done = False

    async def run(self, work: Work) -> Stop:
        """See base class."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def execute() -> None:
            try:
                self._execute()
            except BaseException as error:
                self._error = error
            finally:
                try:
                    loop.call_soon_threadsafe(over.set)
                except RuntimeError:
                    pass  # The invocation has left it behind, and its loop is closed.

        context = copy_context()
        thread = threading.Thread(target=context.run, args=(execute,), daemon=True)
        thread.start()
        try:
            await over.wait()
        except asyncio.CancelledError:
            self._stopping.set()
            _interrupt(thread)
            try:
                await asyncio.wait_for(over.wait(), work.budget.fitting_graceful_timeout)
            except asyncio.TimeoutError:
                logger.error("step %s goes on, although it was interrupted", self._step)
            raise
        return Stop("result", self.outcome())

    def outcome(self) -> Any:
        """See base class."""
        told = self._told()
        if not self._done:
            if self._stopping.is_set():
                where = f"in step {self._step}" if self._step else "before the first step"
                return self._answers.failed(OUT_OF_TIME.format(where=where), told)
            error = self._error
            why = f"{type(error).__name__}: {clean_text(str(error))}"
            return self._answers.failed(why, told)
        if self._failed:
            return self._answers.failed(describe_failed(self._failed), told)
        return self._answers.success({}, told)

    def _execute(self) -> None:
        with self._execution.begun() as events:
            try:
                for event in events:
                    if event.is_step_start:
                        self._step = event.step_key
                    if event.is_step_failure and event.step_key:
                        self._failed[event.step_key] = why_failed(event)
                self._done = True
            except Exception as error:
                # With the events so far.
                self._error = error
            finally:
                self._entries = self._execution.entries()

    def _told(self) -> Told:
        try:
            # Of a step that could not be interrupted, another thread still has the log.
            entries = self._entries or self._execution.entries()
            return EventsTold([packed_entries(entries, MAX_BYTES)]) if entries else NOTHING
        except EventsTooLargeError as error:
            logger.error("the run's events are left out: %s", error)
        except Exception:
            logger.exception("the run's events can't be read")
        return NOTHING


def _interrupt(thread: threading.Thread) -> None:
    """Raise, in another thread, what Dagster's termination raises; where it next runs Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(DagsterExecutionInterruptedError)
    )
