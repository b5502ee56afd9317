"""Knows which activities run right now, by name: what can't be stopped must be named."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor


class RunningActivities(Interceptor):
    """A worker interceptor that keeps the activities in flight."""

    def __init__(self) -> None:
        self._running: dict[int, activity.Info] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _Recorder(next, self._running)

    @property
    def task_tokens(self) -> list[bytes]:
        """By which the server knows the activities in flight; it knows none of the local ones."""
        return [info.task_token for info in list(self._running.values()) if not info.is_local]

    def describe(self) -> list[dict[str, Any]]:
        """The activities in flight, oldest first.

        Returns:
            Dicts with ``activity`` (type), ``workflow_id`` (or ``None``) and ``attempt``.
        """
        return [
            {
                "activity": info.activity_type,
                "workflow_id": info.workflow_id,
                "attempt": info.attempt,
            }
            for info in list(self._running.values())
        ]


class _Recorder(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, running: dict[int, activity.Info]) -> None:
        super().__init__(next)
        self._running = running

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        self._running[id(input)] = activity.info()
        try:
            return await super().execute_activity(input)
        finally:
            del self._running[id(input)]


def name_of(callback: Any) -> str:
    """What a callback is called; never its ``repr``, which shows the arguments of a partial.

    Example:
        >>> name_of(name_of)
        'name_of'
    """
    while isinstance(callback, functools.partial):
        callback = callback.func
    return str(getattr(callback, "__qualname__", type(callback).__qualname__))


def name_abandoned(entry: Mapping[str, Any]) -> str:
    """One abandoned piece of work in words, for a log line.

    Example:
        >>> name_abandoned({"activity": "resize", "workflow_id": "w-1", "attempt": 2})
        'activity resize (workflow w-1, attempt 2)'
        >>> name_abandoned({"hook": "flush"})
        'hook flush'
    """
    if "activity" in entry:
        return (
            f"activity {entry['activity']} "
            f"(workflow {entry['workflow_id']}, attempt {entry['attempt']})"
        )
    ((what, name),) = entry.items()
    return f"{what} {name}"
