"""What became of each op of a run, for an answer: Dagster shows it as the run's steps."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from temporal_lambda.dagster.serving.op_failure import OF_THE_OP, clean_text, text_of
from temporal_lambda.tracking.activities import WORKER_SHUTDOWN

StepStatus = Literal["pending", "running", "retrying", "success", "failure", "canceled"]
"""``retrying``: an attempt failed, and the next one has not begun."""

MAX_OUTPUT_CHARACTERS = 64_000
"""Of an output as JSON, where it is part of a step."""

MAX_STEPS_CHARACTERS = 1_500_000
"""Of all steps of an answer as JSON. Lambda lets a function return 6 MB, escaped."""

MAX_STACK_LINES = 50
"""Of an error's stack."""

REPORTED_IN_OUTPUT = {
    "materializations": "materialization",
    "observations": "observation",
    "asset_checks": "asset_check",
}
"""Keys of an output that hold what ``dagster_run()`` is told otherwise."""


@dataclass
class Attempt:
    """An attempt at an op that failed, before the latest one.

    Attributes:
        attempt: Its number, from 1.
        start: When it began, in epoch seconds; ``None`` if that is not known.
        end: When it ended, in epoch seconds; ``None`` if that is not known.
        error: ``{"type": …, "message": …, "stack": [<line>, …]}``.
    """

    attempt: int
    start: float | None = None
    end: float | None = None
    error: dict[str, Any] | None = None


@dataclass
class Step:
    """What became of one op.

    Attributes:
        op: The op.
        status: What it has come to.
        attempt: The number of its latest attempt; 0 before the first.
        start: When the latest attempt began, in epoch seconds.
        end: When it ended, in epoch seconds.
        error: What it failed with, as in ``Attempt``.
        output: The output, where it is not too long.
        output_omitted: Why there is no output here.
        logs: Log lines, see ``OpLog.lines``.
        logs_left_out: How many more there were.
        events: Materializations, observations and checks.
        metadata: Metadata of the output.
        earlier: Attempts before the latest, as far as they are known.
    """

    op: str
    status: StepStatus = "pending"
    attempt: int = 0
    start: float | None = None
    end: float | None = None
    error: dict[str, Any] | None = None
    output: Any = None
    output_omitted: str | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)
    logs_left_out: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    earlier: list[Attempt] = field(default_factory=list)

    def begin(self, attempt: int, start: float) -> None:
        """An attempt begins."""
        self.status, self.attempt, self.start, self.end = "running", attempt, start, None

    def fail_attempt(self, error: BaseException | None, end: float | None) -> None:
        """The latest attempt failed, and there will be another."""
        told = describe_error(error) if error else None
        self.earlier.append(Attempt(self.attempt, self.start, end, told))
        self.status = "retrying"

    def succeed(self, report: Mapping[str, Any], end: float) -> None:
        """The op is through.

        Args:
            report: An ``OpReport`` as an object; or something with an ``output`` only.
            end: When, in epoch seconds, unless the report knows better.
        """
        self.status, self.end = "success", end
        self._take(report)
        output = report.get("output")
        if isinstance(output, Mapping):
            for key, kind in REPORTED_IN_OUTPUT.items():
                found = output.get(key)
                entries = found if isinstance(found, list) else []
                self.events += [{**one, "kind": kind} for one in entries if isinstance(one, dict)]
        text = _json(output)
        if text is None:
            self.output_omitted = "it is no JSON value"
        elif len(text) > MAX_OUTPUT_CHARACTERS:
            self.output_omitted = f"it has {len(text)} characters"
        else:
            self.output = output

    def fail(self, error: BaseException, end: float) -> None:
        """The op failed for good."""
        self.status, self.end = "failure", end
        self.error = describe_error(error)
        self._take(_report_of(error))

    def as_json(self) -> dict[str, Any]:
        """The step as an object, without what it does not have; a missing output is ``None``."""
        told = {name: value for name, value in asdict(self).items() if value or name == "output"}
        if self.output is None:
            del told["output"]
        return told

    def _take(self, report: Mapping[str, Any]) -> None:
        self.start, self.end = report.get("start") or self.start, report.get("end") or self.end
        self.logs = list(report.get("logs") or [])
        self.logs_left_out = report.get("logs_left_out") or 0
        self.events = list(report.get("events") or [])
        self.metadata = dict(report.get("metadata") or {})


def describe_error(error: BaseException) -> dict[str, Any]:
    """An error's type, message and stack.

    Example:
        >>> describe_error(ApplicationError("no table", type="Missing"))["type"]
        'Missing'
    """
    cause = error.cause or error if isinstance(error, ActivityError) else error
    kind, message = type(cause).__name__, text_of(cause)
    if isinstance(cause, ApplicationError):
        kind, message = cause.type or kind, clean_text(cause.message)
    # Where the end of an invocation cut an attempt off tells nothing.
    stack = [] if kind == WORKER_SHUTDOWN else _stack(cause)
    return {"type": kind, "message": message, "stack": stack}


def steps_as_json(steps: Iterable[Step], *, outputs: bool = True) -> list[dict[str, Any]]:
    """Steps for an answer, within a bound: log lines go first, then outputs, events and stacks.

    Args:
        steps: Those that have begun count; the others are left out.
        outputs: Whether steps have their outputs.
    """
    told = [step.as_json() for step in steps if step.attempt]
    if not outputs:
        for step in told:
            step.pop("output", None)
            step.pop("output_omitted", None)
    for name, word in _LESS_IMPORTANT:
        if _length(told) <= MAX_STEPS_CHARACTERS:
            break
        for step in told:
            if left_out := step.pop(name, None):
                step[word] = len(left_out) + step.get(word, 0) if name != "output" else "too many"
    while _length(told) > MAX_STEPS_CHARACTERS:
        told = told[: len(told) // 2]
    return told


@dataclass(frozen=True)
class StepsTold:
    """What an answer tells of a run's ops.

    Attributes:
        steps: Those that have begun count.
    """

    steps: Iterable[Step] = ()

    def parts(self, *, outputs: bool = True) -> dict[str, Any]:
        """See ``answer.Told``."""
        told = steps_as_json(self.steps, outputs=outputs)
        return {"steps": told} if told else {}


_LESS_IMPORTANT = (
    ("logs", "logs_left_out"),
    ("output", "output_omitted"),
    ("events", "events_left_out"),
    ("metadata", "metadata_left_out"),
    ("earlier", "earlier_left_out"),
)


def _report_of(error: BaseException) -> Mapping[str, Any]:
    cause = error.cause or error if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.details:
        last = cause.details[-1]
        if isinstance(last, dict) and set(last) == {OF_THE_OP}:
            report: Mapping[str, Any] = last[OF_THE_OP]
            return report
    return {}


def _stack(error: BaseException) -> list[str]:
    remote = error.failure.stack_trace if isinstance(error, FailureError) and error.failure else ""
    lines = remote.splitlines() or "".join(traceback.format_tb(error.__traceback__)).splitlines()
    return [clean_text(line, 500) for line in lines[-MAX_STACK_LINES:]]


def _length(told: list[dict[str, Any]]) -> int:
    return len(json.dumps(told))


def _json(value: Any) -> str | None:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
