"""One step of an answer -> the events of that step."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dagster import (
    DagsterEvent,
    DagsterEventType,
    MetadataValue,
)

from temporal_lambda.dagster.dagster_internals import (
    ErrorSource,
    SerializableErrorInfo,
    StepFailureData,
    StepOutputData,
    StepOutputHandle,
    StepRetryData,
    StepSuccessData,
    TypeCheckData,
)
from temporal_lambda.dagster.launching import foreign_data
from temporal_lambda.dagster.launching.reported_events import reported_event
from temporal_lambda.dagster.step_log import step_event

LOG = "LOG"
"""The kind of an entry that is no event but a log line."""

MAX_RESTARTS = 50
"""Restarts of a step that are shown."""

MAX_LOG_LINES = 1_000
"""Log lines of a step that are shown."""

MAX_EVENTS = 1_000
"""Materializations, observations and checks of a step that are shown."""

OUTPUT = "output"
"""Metadata of a step's output: its value."""

OUTPUT_JSON = "output as JSON"
"""Metadata of a step's output: its value as text, where Dagster could not read the value back."""

OUTPUT_OMITTED = "output left out"
"""Metadata of a step's output: why its value is not there."""

_LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARNING": logging.WARNING}


class Told(NamedTuple):
    """An entry of the event log, before it is one.

    Attributes:
        kind: The event's type, or ``LOG``.
        at: When, in epoch seconds; ``None`` if that is not known.
        level: The log level.
        message: Of a log line.
        event: The event; ``None`` for a log line.
    """

    kind: str
    at: float | None
    level: int
    message: str
    event: DagsterEvent | None


class StepEvents:
    """The events of one step, in order.

    Args:
        job_name: The job.
        step_key: The step.
        outputs: The names of the step's outputs.
        step: What the answer says of it, as ``protocol`` has it; not trusted.

    Attributes:
        problems: What can't be shown, and why.
    """

    def __init__(
        self, job_name: str, step_key: str, outputs: Sequence[str], step: Mapping[str, Any]
    ) -> None:
        self._job_name = job_name
        self._key = step_key
        self._outputs = outputs
        self._step = step
        self.problems: list[str] = []

    def all(self) -> list[Told]:
        """All events that the step has come to, each with a time."""
        return with_times(list(self._all()))

    def _all(self) -> Iterator[Told]:
        status = self._step.get("status")
        attempt = self._step.get("attempt")
        if status == "pending" or not isinstance(attempt, int) or attempt < 1:
            return
        yield from self._attempts(min(attempt, MAX_RESTARTS), retrying=status == "retrying")
        if status in ("success", "failure", "canceled"):
            yield from self._logs()
            yield from self._reported()
        end = self._step.get("end")
        if status == "success":
            yield from self._success(end)
        elif status == "failure":
            error = self._error(self._step.get("error"))
            yield self._failure(end, f'Execution of step "{self._key}" failed.', error)
        elif status == "canceled":
            error = SerializableErrorInfo("the op was canceled", [], "Canceled")
            message = f'Execution of step "{self._key}" was canceled.'
            yield self._failure(end, message, error, ErrorSource.INTERRUPT)

    def _attempts(self, latest: int, *, retrying: bool) -> Iterator[Told]:
        told = _by_attempt(self._step.get("earlier"))
        for attempt in range(1, latest + 1):
            earlier = told.get(attempt, {})
            start = self._step.get("start") if attempt == latest else earlier.get("start")
            if attempt == 1:
                message = f'Started execution of step "{self._key}".'
                yield self._event(DagsterEventType.STEP_START, start, message)
            else:
                message = f'Started re-execution (attempt # {attempt}) of step "{self._key}".'
                yield self._event(DagsterEventType.STEP_RESTARTED, start, message)
            if attempt < latest or retrying:
                error = self._error(earlier.get("error"))
                yield self._event(
                    DagsterEventType.STEP_UP_FOR_RETRY,
                    earlier.get("end"),
                    f'Execution of step "{self._key}" failed and has requested a retry.',
                    StepRetryData(error),  # type: ignore[no-untyped-call] # Dagster's.
                    logging.ERROR,
                )

    def _logs(self) -> Iterator[Told]:
        lines = _objects(self._step.get("logs"))
        for line in lines[:MAX_LOG_LINES]:
            level = _LEVELS.get(str(line.get("level")), logging.ERROR)
            message = foreign_data.clean_text(line.get("message", ""))
            yield Told(LOG, _time(line.get("time")), level, message, None)
        left_out = self._step.get("logs_left_out")
        if isinstance(left_out, int) and left_out > 0:
            message = f"{left_out} more log lines are in the function's own log."
            yield Told(LOG, _time(self._step.get("end")), logging.INFO, message, None)

    def _reported(self) -> Iterator[Told]:
        entries = _objects(self._step.get("events"))
        for entry in entries[:MAX_EVENTS]:
            try:
                kind, message, data = reported_event(entry)
            # Dagster checks values with errors of its own, and any of them means the same here.
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
                self.problems.append(f"step {self._key}: {foreign_data.clean_text(problem, 500)}")
                continue
            yield self._event(kind, entry.get("time"), message, data)
        if len(entries) > MAX_EVENTS:
            self.problems.append(f"step {self._key}: {len(entries) - MAX_EVENTS} more events")

    def _success(self, end: Any) -> Iterator[Told]:
        metadata = foreign_data.metadata(self._step.get("metadata")) | self._output()
        for name in self._outputs:
            # Types are the function's affair; Dagster's pages want to be told that one was checked.
            checked = TypeCheckData(True, name)  # type: ignore[no-untyped-call] # Dagster's.
            data = StepOutputData(StepOutputHandle(self._key, name), checked, metadata=metadata)
            message = f'Yielded output "{name}".'
            yield self._event(DagsterEventType.STEP_OUTPUT, end, message, data)
        begun, ended = _time(self._step.get("start")), _time(end)
        milliseconds = max(0.0, (ended - begun) * 1000) if begun and ended else 0.0
        message = f'Finished execution of step "{self._key}" in {milliseconds:.0f} ms.'
        took = StepSuccessData(milliseconds)  # type: ignore[no-untyped-call] # Dagster's.
        yield self._event(DagsterEventType.STEP_SUCCESS, end, message, took)

    def _output(self) -> dict[str, MetadataValue[Any]]:
        if omitted := self._step.get("output_omitted"):
            return {OUTPUT_OMITTED: MetadataValue.text(foreign_data.clean_text(omitted, 200))}
        output = self._step.get("output")
        if output is None:
            return {}
        text = json.dumps(output)
        if len(text) > foreign_data.MAX_JSON:
            word = f"it has {len(text)} characters"
            return {OUTPUT_OMITTED: MetadataValue.text(word)}
        shown = foreign_data.metadata_value(output)
        if type(shown.value) is type(output) and shown.value == output:
            return {OUTPUT: shown}
        return {OUTPUT_JSON: MetadataValue.text(text)}

    def _failure(
        self,
        end: Any,
        message: str,
        error: SerializableErrorInfo,
        source: ErrorSource = ErrorSource.USER_CODE_ERROR,
    ) -> Told:
        data = StepFailureData(error, None, source)  # type: ignore[no-untyped-call] # Dagster's.
        return self._event(DagsterEventType.STEP_FAILURE, end, message, data, logging.ERROR)

    def _error(self, error: Any) -> SerializableErrorInfo:
        told = error if isinstance(error, dict) else {}
        stack: Any = told.get("stack")
        lines = [foreign_data.clean_text(one, 500) for one in stack] if _is_list(stack) else []
        message = foreign_data.clean_text(told.get("message") or "the attempt was cut off")
        kind = foreign_data.clean_text(told.get("type") or "Error", 200)
        return SerializableErrorInfo(message, [f"{line}\n" for line in lines[:100]], kind)

    def _event(
        self,
        kind: DagsterEventType,
        at: Any,
        message: str,
        data: Any = None,
        level: int = logging.DEBUG,
    ) -> Told:
        event = step_event(self._job_name, self._key, kind, message, data)
        return Told(kind.value, _time(at), level, message, event)


def with_times(events: list[Told]) -> list[Told]:
    """Events that all have times, each not before the one before it.

    One whose time is not known has that of the next event that has one, or else of the last.

    Args:
        events: Of one step, in order.
    """
    now, following = time.time(), None
    filled: list[Told] = []
    for told in reversed(events):
        following = following if told.at is None else told.at
        filled.append(told._replace(at=following))
    latest, ordered = 0.0, []
    for told in reversed(filled):
        latest = max(latest, told.at if told.at is not None else latest or now)
        ordered.append(told._replace(at=latest))
    return ordered


def _by_attempt(earlier: Any) -> dict[int, dict[str, Any]]:
    return {one["attempt"]: one for one in _objects(earlier) if isinstance(one.get("attempt"), int)}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if _is_list(value) else []


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _time(value: Any) -> float | None:
    """Seconds since the epoch, in years that calendars have; ``None`` for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 32_000_000_000 else None
