"""The events that a function's own steps left, written into the run's event log, each once."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun, EventLogEntry

from temporal_lambda.dagster.dagster_internals import (
    ErrorSource,
    SerializableErrorInfo,
    StepFailureData,
    StepHandle,
    UnresolvedStepHandle,
    deserialize_value,
)
from temporal_lambda.dagster.launching import foreign_data
from temporal_lambda.dagster.launching.data_versions import with_data_versions
from temporal_lambda.dagster.packed_text import unpack
from temporal_lambda.dagster.step_log import step_entry, step_event

logger = logging.getLogger(__name__)

_OF_STEPS = frozenset(
    {
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_OBSERVATION,
        DagsterEventType.ENGINE_EVENT,
        DagsterEventType.HANDLED_OUTPUT,
        DagsterEventType.HOOK_COMPLETED,
        DagsterEventType.HOOK_ERRORED,
        DagsterEventType.HOOK_SKIPPED,
        DagsterEventType.LOADED_INPUT,
        DagsterEventType.LOGS_CAPTURED,
        DagsterEventType.OBJECT_STORE_OPERATION,
        DagsterEventType.RESOURCE_INIT_FAILURE,
        DagsterEventType.RESOURCE_INIT_STARTED,
        DagsterEventType.RESOURCE_INIT_SUCCESS,
        DagsterEventType.STEP_EXPECTATION_RESULT,
        DagsterEventType.STEP_FAILURE,
        DagsterEventType.STEP_INPUT,
        DagsterEventType.STEP_OUTPUT,
        DagsterEventType.STEP_RESTARTED,
        DagsterEventType.STEP_SKIPPED,
        DagsterEventType.STEP_START,
        DagsterEventType.STEP_SUCCESS,
        DagsterEventType.STEP_UP_FOR_RETRY,
    }
)
"""Events that a function may tell. What becomes of the run is the launcher's to say."""

_BEGINS = (DagsterEventType.STEP_START, DagsterEventType.STEP_RESTARTED)

_ENDS = (
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.STEP_UP_FOR_RETRY,
)

MAX_UNDER_WAY = 1_000
"""Steps under way that are shown."""


class EventReplay:
    """Writes the events of one run's steps, in the order in which they happened.

    They come in batches, which are numbered. Where a process ended in the middle of one, the next
    is given that batch again, so what the event log has already is not written again.

    Args:
        instance: Where the run is.
        run_id: The run.
    """

    def __init__(self, instance: DagsterInstance, run_id: str) -> None:
        self._instance = instance
        self._run_id = run_id
        self._lock = threading.Lock()
        self._written: Counter[tuple[Any, ...]] | None = None
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def replay(
        self, run: DagsterRun, batches: Sequence[Any], first: int, position: int
    ) -> tuple[int, list[str]]:
        """Write what is new.

        Args:
            run: The run, which has not ended.
            batches: Packed; not trusted.
            first: The number of the first of them.
            position: The number of the next that is wanted.

        Returns:
            The number of the next from now on, and what can't be shown, and why.
        """
        with self._lock:
            written = self._read()
            problems: list[str] = []
            entries: list[EventLogEntry] = []
            wanted = batches[max(0, position - first) :] if first <= position else ()
            for batch in wanted:
                found = list(self._entries(run, batch, problems))
                # An end that is there already has its begin there, too, if perhaps another.
                again = {
                    one.step_key for one in found if _is(one, _ENDS) and written[_identity(one)] > 0
                }
                entries += [
                    one for one in found if not (_is(one, _BEGINS) and one.step_key in again)
                ]
            for entry in sorted(entries, key=lambda entry: entry.timestamp):
                self._write(entry)
            return max(position, first + len(batches)) if first <= position else position, problems

    def show_under_way(self, run: DagsterRun, steps: Iterable[Any]) -> None:
        """Show that steps have begun whose events will only come when they are through.

        Args:
            run: The run, which has not ended.
            steps: As the answer has them; not trusted.
        """
        with self._lock:
            self._read()
            for step in list(steps)[:MAX_UNDER_WAY]:
                key = step.get("step") if isinstance(step, Mapping) else None
                attempt, start = (step.get("attempt"), step.get("start")) if key else (0, 0)
                if not isinstance(key, str) or not isinstance(start, int | float):
                    continue
                # One whose end is known here, or that is shown already, is not shown again.
                if self._begun[key] == self._ended[key] == 0 and attempt == 1:
                    message = f'Started execution of step "{key}".'
                    self._tell(run, key, DagsterEventType.STEP_START, start, message)

    def interrupt(self, run: DagsterRun) -> None:
        """End the steps that have begun and will not go on: the run was canceled.

        Args:
            run: The run, which has not ended.
        """
        with self._lock:
            self._read()
            for key in [key for key in self._begun if self._begun[key] > self._ended[key]]:
                error = SerializableErrorInfo("the step was interrupted", [], "Interrupted")
                data = StepFailureData(error, None, ErrorSource.INTERRUPT)  # type: ignore[no-untyped-call] # Dagster's.
                message = f'Execution of step "{key}" was interrupted.'
                self._tell(run, key, DagsterEventType.STEP_FAILURE, time.time(), message, data)

    def _read(self) -> Counter[tuple[Any, ...]]:
        if self._written is None:
            self._written = Counter()
            for entry in self._instance.all_logs(self._run_id):
                self._count(entry)
        return self._written

    def _count(self, entry: EventLogEntry) -> None:
        assert self._written is not None
        self._written[_identity(entry)] += 1
        if entry.step_key is not None:
            self._begun[entry.step_key] += _is(entry, _BEGINS)
            self._ended[entry.step_key] += _is(entry, _ENDS)

    def _write(self, entry: EventLogEntry) -> None:
        assert self._written is not None
        key = entry.step_key or ""
        shown = _is(entry, _BEGINS) and self._begun[key] > self._ended[key]
        if not shown and not self._written[_identity(entry)]:
            self._instance.handle_new_event(with_data_versions(self._instance, entry))
            self._count(entry)

    def _entries(self, run: DagsterRun, batch: Any, problems: list[str]) -> Iterable[EventLogEntry]:
        try:
            texts = unpack(batch if isinstance(batch, str) else "")
        except ValueError as error:
            problems.append(str(error))
            return
        for text in texts:
            try:
                entry = deserialize_value(text, EventLogEntry)
            # Dagster checks values with errors of its own.
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                problems.append(f"an event can't be read: {foreign_data.clean_text(told, 500)}")
                continue
            if _belongs(entry, run):
                yield entry
            else:
                problems.append("an event is none of a step of this run")

    def _tell(
        self,
        run: DagsterRun,
        key: str,
        kind: DagsterEventType,
        at: float,
        message: str,
        data: Any = None,
    ) -> None:
        if isinstance(StepHandle.parse_from_key(key), UnresolvedStepHandle):
            return
        event = step_event(run.job_name, key, kind, message, data)
        level = logging.ERROR if kind is DagsterEventType.STEP_FAILURE else logging.DEBUG
        self._write(step_entry(self._run_id, run.job_name, key, at, level, message, event))


def _is(entry: EventLogEntry, kinds: Sequence[DagsterEventType]) -> bool:
    event = entry.dagster_event
    return event is not None and event.event_type in kinds


def _belongs(entry: EventLogEntry, run: DagsterRun) -> bool:
    event = entry.dagster_event
    if entry.run_id != run.run_id or not isinstance(entry.timestamp, int | float):
        return False
    return event is None or (event.job_name == run.job_name and event.event_type in _OF_STEPS)


def _identity(entry: EventLogEntry) -> tuple[Any, ...]:
    """What tells an entry from all others of its run: nothing else happens at the same moment."""
    kind = entry.dagster_event.event_type_value if entry.dagster_event else None
    message = entry.dagster_event.message if entry.dagster_event else entry.user_message
    return entry.timestamp, entry.step_key, kind, message
