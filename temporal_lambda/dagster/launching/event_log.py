"""What the launcher reports to Dagster about a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from dagster import (
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    MetadataValue,
)

from temporal_lambda.dagster.dagster_internals import (
    EngineEventData,
    JobFailureData,
    RunFailureReason,
    SerializableErrorInfo,
    StepMaterializationData,
)
from temporal_lambda.dagster.launching import materializations, tags
from temporal_lambda.dagster.launching.event_replay import EventReplay
from temporal_lambda.dagster.launching.foreign_data import as_json, clean_text, is_plain
from temporal_lambda.dagster.launching.invoke import Answer
from temporal_lambda.dagster.launching.materializations import Materialized
from temporal_lambda.dagster.launching.outcome import Outcome
from temporal_lambda.dagster.launching.planned_assets import find_planned
from temporal_lambda.dagster.launching.redact import redacted_log
from temporal_lambda.dagster.launching.steps import StepReplay

logger = logging.getLogger("temporal_lambda.dagster.launching.reports")

RETRY_PAUSES = (1.0, 3.0, 9.0)
"""Seconds between attempts to read or write a run."""

T = TypeVar("T")

RESULT_CHARACTERS = 64 * 1024
"""A result longer than this is cut off in the event log."""


MAX_MATERIALIZATIONS = 1_000
"""Materializations of one result; each is an event, which takes some 10 ms to write."""

MAX_PROBLEMS = 10
"""Problems with materializations that are named one by one."""


class RunEventLog:
    """Events and tags of one run.

    Whatever comes last in the event log counts, even after the run has ended. So the run is read
    again before each report, and one that has ended stays as it is.

    Dagster's storage may fail for a moment, and a function's work is not to be lost for that: what
    a run becomes is reported again after pauses, and notes are left out.

    Args:
        instance: Where the run is.
        run_id: The run.
        launcher: The launcher's class, which its events name.
    """

    def __init__(self, instance: DagsterInstance, run_id: str, launcher: type[object]) -> None:
        self._instance = instance
        self._run_id = run_id
        self._launcher = launcher
        self._steps = StepReplay(instance, run_id)
        self._events = EventReplay(instance, run_id)
        self._events_after: int | None = None
        self._invocation: dict[str, str] = {}

    def open_run(self) -> DagsterRun | None:
        """The run as it is now; ``None`` if it has ended or was deleted."""
        run = self.current_run()
        return None if run is None or run.is_finished else run

    def current_run(self) -> DagsterRun | None:
        """The run as it is now, also if it has ended; ``None`` if it was deleted."""
        return _with_retries(lambda: self._instance.get_run_by_id(self._run_id))

    def note(self, message: str, metadata: Mapping[str, Any] | None = None) -> None:
        """An engine event of a run that has not ended; a run does not fail for want of one."""
        self._note(self.open_run, message, metadata)

    def late_note(self, message: str, metadata: Mapping[str, Any] | None = None) -> None:
        """An engine event that may also come after the run's end, which it does not change."""
        self._note(self.current_run, message, metadata)

    def late_result(self, message: str, result: Any) -> None:
        """What a function returned, although nobody wants it any more."""
        self.late_note(message, {"Result": _bounded(result)})

    def _note(
        self,
        find: Callable[[], DagsterRun | None],
        message: str,
        metadata: Mapping[str, Any] | None,
    ) -> None:
        try:
            if run := find():
                data = EngineEventData(metadata=dict(metadata or {}))
                self._instance.report_engine_event(message, run, data, cls=self._launcher)
        except Exception:
            logger.exception("run %s: this can't be noted: %s", self._run_id, message)

    def tag(self, name: str, value: str) -> None:
        """A run tag that matters."""
        _with_retries(lambda: self._instance.add_run_tags(self._run_id, {name: value}))

    def answered(self, function: str, answer: Answer) -> None:
        """Which invocation it was, as run tags; a run does not fail for want of them."""
        new = {tags.FUNCTION: function, tags.REQUEST_ID: answer.request_id}
        self._invocation = {"Function": function, "Request id": answer.request_id}
        if answer.executed_version:
            new[tags.EXECUTED_VERSION] = answer.executed_version
            self._invocation["Version"] = answer.executed_version
        try:
            self._instance.add_run_tags(self._run_id, new)
        except Exception:
            logger.exception("run %s can't be tagged with its invocation", self._run_id)

    def started(self) -> None:
        """RUN_START."""
        self._status(DagsterEventType.RUN_START)

    def succeeded(
        self, message: str, outcome: Outcome | None = None, *, materialize_planned: bool = False
    ) -> None:
        """RUN_SUCCESS, after the result and what it materializes."""
        if outcome is not None:
            result = {"Result": _bounded(outcome.result)}
            self.note("The function returned.", {**result, **self._invocation})
            self._materialize(outcome.result, planned=materialize_planned)
        self._status(DagsterEventType.RUN_SUCCESS, message)

    def failed(self, message: str, outcome: Outcome | None = None) -> None:
        """RUN_FAILURE, with what is known of the error."""
        if self.open_run() is None:
            return
        error = None
        if outcome is not None:
            if outcome.log_tail:
                log = redacted_log(outcome.log_tail)
                self.note("The end of the function's log.", {"Log": log, **self._invocation})
            stack = [line if line.endswith("\n") else f"{line}\n" for line in outcome.stack]
            error = SerializableErrorInfo(outcome.message, stack, outcome.error_type)
        data = JobFailureData(error, failure_reason=RunFailureReason.RUN_EXCEPTION)
        self._report(lambda run: self._instance.report_run_failed(run, message, data))

    def replay(self, outcome: Outcome) -> None:
        """What became of the steps so far; a run does not fail for want of it.

        Args:
            outcome: Has them as the answer has them.
        """
        try:
            run = self.open_run() if outcome.steps or outcome.events is not None else None
            problems = self._steps.replay(run, outcome.steps) if run and outcome.steps else []
            if run and outcome.events is not None:
                problems += self._replay_events(run, outcome.events)
            for problem in problems[:MAX_PROBLEMS]:
                self.note(f"Something that an op reported can't be shown: {problem}")
            if run and outcome.kind == "canceled":
                self._events.interrupt(run)
        except Exception:
            logger.exception("run %s: its steps can't be shown", self._run_id)

    def _replay_events(self, run: DagsterRun, events: Mapping[str, Any]) -> list[str]:
        batches, first, under_way = (events.get(name) for name in ("batches", "first", "under_way"))
        if not isinstance(batches, list) or not isinstance(first, int):
            return ["its events are no list of batches"]
        before = self.events_after
        self._events_after, problems = self._events.replay(run, batches, first, before)
        self._events.show_under_way(run, under_way if isinstance(under_way, list) else ())
        if self._events_after > before:
            self.tag(tags.EVENTS, f"{self._run_id} {self._events_after}")
        return problems

    @property
    def events_after(self) -> int:
        """How many batches of the steps' own events are in the event log."""
        if self._events_after is None:
            run = self.current_run()
            # A run that is executed again may inherit the tag of another.
            of_run, _, count = (run.tags.get(tags.EVENTS, "") if run else "").partition(" ")
            known = of_run == self._run_id and count.isdecimal()
            self._events_after = int(count) if known else 0
        return self._events_after

    def canceling(self) -> None:
        """RUN_CANCELING."""
        run = self.open_run()
        if run and run.status is not DagsterRunStatus.CANCELING:
            self._instance.report_run_canceling(run)

    def canceled(self, message: str) -> None:
        """RUN_CANCELED."""
        self._report(lambda run: self._instance.report_run_canceled(run, message))

    def _status(self, event_type: DagsterEventType, message: str | None = None) -> None:
        def write(run: DagsterRun) -> None:
            event = DagsterEvent(event_type.value, run.job_name, message=message)
            self._instance.report_dagster_event(event, run_id=run.run_id)

        self._report(write)

    def _report(self, write: Callable[[DagsterRun], object]) -> None:
        def once() -> None:
            # Read each time: an attempt that failed may have come through all the same.
            if run := self.open_run():
                write(run)

        _with_retries(once)

    def _materialize(self, result: Any, *, planned: bool) -> None:
        run = self.open_run()
        if run is None:
            return
        self._materialize_all(materializations.find(result, run.tags.get("dagster/partition")), run)
        if planned:
            self._materialize_all(find_planned(self._instance, self._run_id), run)

    def _materialize_all(self, entries: Iterator[Materialized], run: DagsterRun) -> None:
        problems: list[str] = []
        for found in islice(entries, MAX_MATERIALIZATIONS):
            if found.step_key is not None and self._steps.shows(found.step_key):
                continue
            if found.materialization is None:
                problems.append(found.problem)
            else:
                write = partial(self._materialized, found.materialization, found.step_key, run)
                _with_retries(write)
        if left_out := sum(1 for _ in entries):
            problems.append(f"{left_out} of them are more than the {MAX_MATERIALIZATIONS} of a run")
        for problem in problems[:MAX_PROBLEMS]:
            self.note(f"A materialization was left out: {problem}")
        if len(problems) > MAX_PROBLEMS:
            self.note(f"{len(problems) - MAX_PROBLEMS} more materializations were left out.")

    def _materialized(
        self, what: AssetMaterialization, step_key: str | None, run: DagsterRun
    ) -> None:
        event = DagsterEvent(
            DagsterEventType.ASSET_MATERIALIZATION.value,
            run.job_name,
            step_key=step_key,
            event_specific_data=StepMaterializationData(what),
        )
        self._instance.report_dagster_event(event, run_id=run.run_id)


def _with_retries(do: Callable[[], T]) -> T:
    for pause in RETRY_PAUSES:
        try:
            return do()
        except Exception:
            logger.warning("Dagster storage error; retrying in %s s", pause, exc_info=True)
            time.sleep(pause)
    return do()


def _bounded(result: Any) -> MetadataValue[Any]:
    # Dagster's JSON is a list or a dictionary.
    shown = result if isinstance(result, dict | list) else {"value": result}
    text = as_json(result)
    if len(text) <= RESULT_CHARACTERS and is_plain(shown):
        return MetadataValue.json(shown)
    return MetadataValue.text(clean_text(text, RESULT_CHARACTERS))
