"""What a function's answer says of each op, as Dagster's own step events."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEvent, DagsterInstance, DagsterRun, EventLogEntry

from temporal_lambda.dagster.launching.step_events import LOG, StepEvents
from temporal_lambda.dagster.step_log import step_entry

logger = logging.getLogger(__name__)

MAX_STEPS = 1_000
"""Steps of one answer; a handler's run has no more ops."""


@dataclass(frozen=True)
class _Entry:
    """An entry of the event log that is to be there.

    Attributes:
        step_key: The step.
        kind: The type of its event, or ``LOG``.
        number: Which one of that kind it is for the step, from 0.
        entry: The entry.
    """

    step_key: str
    kind: str
    number: int
    entry: EventLogEntry


class StepReplay:
    """Writes the steps of one run into its event log, each event once.

    What an answer tells of a step grows from answer to answer, and each says all of it. So the
    entries that it comes to are counted, and those that the event log has already, by this process
    or by one before it, are not written again.

    Args:
        instance: Where the run is.
        run_id: The run.
    """

    def __init__(self, instance: DagsterInstance, run_id: str) -> None:
        self._instance = instance
        self._run_id = run_id
        self._lock = threading.Lock()
        self._written: Counter[tuple[str, str]] | None = None
        self._outputs: dict[str, list[str]] = {}

    def replay(self, run: DagsterRun, steps: Sequence[Any]) -> list[str]:
        """Write what is new.

        Args:
            run: The run, which has not ended.
            steps: As the answer has them; they are not trusted.

        Returns:
            What can't be shown, and why.
        """
        with self._lock:
            if self._written is None:
                self._outputs = self._plan(run)
                self._written = self._read()
            problems: list[str] = []
            entries = [
                entry
                for step in steps[:MAX_STEPS]
                for entry in self._entries(run, step, problems)
                if entry.number >= self._written[entry.step_key, entry.kind]
            ]
            for entry in sorted(entries, key=lambda entry: entry.entry.timestamp):
                self._instance.handle_new_event(entry.entry)
                self._written[entry.step_key, entry.kind] += 1
            return problems

    def shows(self, step_key: str) -> bool:
        """Whether the event log has the end of a step."""
        written = self._written or Counter()
        return any(written[step_key, kind] for kind in ("STEP_SUCCESS", "STEP_FAILURE"))

    def _entries(self, run: DagsterRun, step: Any, problems: list[str]) -> Iterator[_Entry]:
        op = step.get("op") if isinstance(step, dict) else None
        if not isinstance(op, str) or op not in self._outputs:
            return
        counts: Counter[str] = Counter()
        events = StepEvents(run.job_name, op, self._outputs[op], step)
        for kind, at, level, message, event in events.all():
            text = message if event is None else ""
            entry = step_entry(self._run_id, run.job_name, op, at or 0.0, level, text, event)
            yield _Entry(op, kind, counts[kind], entry)
            counts[kind] += 1
        problems += events.problems

    def _plan(self, run: DagsterRun) -> dict[str, list[str]]:
        """The steps of a run and the names of their outputs."""
        if run.execution_plan_snapshot_id is None:
            return {}
        plan = self._instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        return {
            step.key: [output.name for output in step.outputs]
            for step in plan.steps
            if "[" not in step.key
        }

    def _read(self) -> Counter[tuple[str, str]]:
        written: Counter[tuple[str, str]] = Counter()
        for entry in self._instance.all_logs(self._run_id):
            if entry.step_key is not None:
                event: DagsterEvent | None = entry.dagster_event
                written[entry.step_key, event.event_type_value if event else LOG] += 1
        return written
