"""An invocation's report as an object."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from temporal_lambda.local import InvocationRecord, LocalStackError


@dataclasses.dataclass(frozen=True)
class Report:
    """What a worker reported of an invocation; docs/report.md explains the fields.

    Times are milliseconds, memory is megabytes.

    Example:
        >>> report = Report.of({"stop_reason": "idle", "tasks": {"workflow": 2, "activity": 1}})
        >>> report.stop_reason, report.count("activity")
        ('idle', 1)
    """

    request_id: str | None = None
    cold: bool = False
    initialization: str | None = None
    init_ms: float | None = None
    never_ended: Mapping[str, Any] | None = None
    stop_reason: str | None = None
    tasks: Mapping[str, int] | None = None
    tasks_by_queue: Mapping[str, Mapping[str, int]] | None = None
    busy_ms: float | None = None
    idle_ms: float | None = None
    connection: str | None = None
    duration_ms: float | None = None
    memory_mb: float | None = None
    peak_memory_mb: float | None = None
    phases_ms: Mapping[str, float] = dataclasses.field(default_factory=dict)
    abandoned: tuple[Mapping[str, Any], ...] = ()
    recycled: bool = False
    errors: tuple[str, ...] = ()
    advice: str | None = None

    @classmethod
    def of(cls, source: InvocationRecord | Mapping[str, Any]) -> Report:
        """The report of a finished invocation.

        Args:
            source: The invocation's record, or the report as it was logged.

        Raises:
            LocalStackError: The invocation has logged no report.
        """
        if isinstance(source, InvocationRecord):
            if source.report is None:
                log = "\n".join(source.log[-20:])
                raise LocalStackError(f"invocation {source.number} has logged no report:\n{log}")
            source = source.report
        names = {field.name for field in dataclasses.fields(cls)}
        known = {name: _frozen(value) for name, value in source.items() if name in names}
        return cls(**known)

    def count(self, kind: str) -> int:
        """How many tasks of a kind were begun.

        Args:
            kind: ``workflow``, ``activity``, ``local_activity`` or ``nexus``.
        """
        return (self.tasks or {}).get(kind, 0)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
