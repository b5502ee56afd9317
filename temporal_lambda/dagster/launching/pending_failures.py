"""What the ops of a run that goes on failed with last, for the notes of its event log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporal_lambda.dagster.launching.foreign_data import clean_text

MAX_TOLD = 20
"""Failures of one run that its notes tell; all are in the events of its steps."""

MAX_MESSAGE = 500
"""Characters of an error that a note has."""

CUT_OFF = "WorkerShutdown"
"""Type of the error of an attempt that the end of its invocation cut off: the op did not fail."""


class PendingFailures:
    """Remembers which failures were told.

    Example:
        >>> failures = PendingFailures()
        >>> error = {"type": "ValueError", "message": "no table"}
        >>> load = {"op": "load", "status": "retrying", "earlier": [{"attempt": 3, "error": error}]}
        >>> failures.new([load])
        ['op load failed at attempt 3: ValueError: no table']
        >>> failures.new([load])
        []
    """

    def __init__(self) -> None:
        self._told: set[tuple[str, int]] = set()

    def new(self, steps: Sequence[Any]) -> list[str]:
        """The last failures of ops that are attempted again, unless they were told before.

        Args:
            steps: As an answer has them; not trusted.
        """
        told = []
        for step in steps:
            failure = _last_failure(step)
            if failure is None or len(self._told) >= MAX_TOLD:
                continue
            op, attempt, text = failure
            if (op, attempt) not in self._told:
                self._told.add((op, attempt))
                told.append(f"op {op} failed at attempt {attempt}: {text}")
        return told


def _last_failure(step: Any) -> tuple[str, int, str] | None:
    if not isinstance(step, dict) or step.get("status") not in ("retrying", "running"):
        return None
    earlier = step.get("earlier")
    last = earlier[-1] if isinstance(earlier, list) and earlier else None
    if not isinstance(last, dict) or not isinstance(last.get("attempt"), int):
        return None
    error = last.get("error")
    if not isinstance(error, dict) or error.get("type") == CUT_OFF:
        return None
    text = f"{clean_text(error.get('type'), 200)}: {clean_text(error.get('message'), MAX_MESSAGE)}"
    return clean_text(step.get("op"), 200), last["attempt"], text
