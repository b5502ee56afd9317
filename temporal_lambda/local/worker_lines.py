"""The lines a worker writes about itself, distinguished from anything else a function prints.

A line counts if it has the request id of the invocation it was printed in, which a sender of data
can't know beforehand. Its fields are checked once, here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from temporal_lambda.report import INVOCATION, WORKER, find_line
from temporal_lambda.tracking.slots import KINDS

Check = Callable[[Any], bool]


def read_report(line: str, request_id: str) -> dict[str, Any] | None:
    """Parse a log line that is an invocation's report.

    Args:
        line: A line of the function's log.
        request_id: The invocation it was printed in.

    Returns:
        The report's fields, each absent or of its type; ``None`` for any other line.

    Example:
        >>> line = 'temporal_lambda invocation {"request_id": "1", "stop_reason": "idle"}'
        >>> read_report(line, "1")["stop_reason"]
        'idle'
        >>> read_report(line, "2") is None
        True
    """
    return _read(INVOCATION, line, request_id, REPORT)


def read_worker(line: str, request_id: str) -> dict[str, Any] | None:
    """Parse a log line that says what a worker serves.

    Args:
        line: A line of the function's log.
        request_id: The invocation it was printed in.

    Returns:
        ``task_queue``, ``workflows``, ``activities`` and ``more_workers``, each absent or of its
        type; ``None`` for any other line.

    Example:
        >>> line = 'temporal_lambda worker {"request_id": "1", "workflows": ["Greeting"]}'
        >>> read_worker(line, "1")["workflows"]
        ['Greeting']
    """
    return _read(WORKER, line, request_id, SERVED)


def _read(
    kind: str, line: str, request_id: str, checks: Mapping[str, Check]
) -> dict[str, Any] | None:
    found = find_line(kind, line)
    if found is None or found.get("request_id") != request_id:
        return None
    fits = all(check(found[name]) for name, check in checks.items() if name in found)
    return found if fits else None


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _numbers(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(item is not None and _number(item) for item in value.values())
    )


def are_tasks(value: Any) -> bool:
    """Whether a value is numbers of tasks by kind: of kinds that there are, and that can be added.

    Example:
        >>> [are_tasks(value) for value in ({"activity": 1}, {"": 1}, {"activity": -1})]
        [True, False, False]
    """
    return isinstance(value, dict) and all(
        kind in KINDS and type(count) is int and 0 <= count <= sys.maxsize
        for kind, count in value.items()
    )


REPORT: Mapping[str, Check] = {
    "cold": lambda value: isinstance(value, bool),
    "initialization": _text,
    "init_ms": _number,
    "never_ended": lambda value: value is None or isinstance(value, dict),
    "stop_reason": _text,
    "tasks": lambda value: value is None or are_tasks(value),
    "tasks_by_queue": lambda value: (
        value is None or (isinstance(value, dict) and all(map(are_tasks, value.values())))
    ),
    "busy_ms": _number,
    "idle_ms": _number,
    "connection": _text,
    "duration_ms": _number,
    "memory_mb": _number,
    "peak_memory_mb": _number,
    "phases_ms": _numbers,
    "abandoned": lambda value: (
        isinstance(value, list) and all(isinstance(item, dict) for item in value)
    ),
    "recycled": lambda value: isinstance(value, bool),
    "errors": _texts,
}
"""How each field of ``InvocationReport.as_dict`` is checked."""


def _workers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(worker, dict)
        and all(check(worker[name]) for name, check in SERVED.items() if name in worker)
        for worker in value
    )


SERVED: Mapping[str, Check] = {
    "task_queue": _text,
    "workflows": _texts,
    "activities": _texts,
    "more_workers": _workers,
}
"""How each field of a worker's introduction is checked."""
