"""The report as CloudWatch metrics, in the Embedded Metric Format.

CloudWatch extracts metrics from any log line that is such a JSON object, so no API is called. The
format is AWS's: "Specification: Embedded metric format" in the CloudWatch user guide.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

NAMESPACE = "temporal_lambda"
DIMENSIONS = "FunctionName; FunctionName, TaskQueue"
"""Each metric exists per function, for alarms, and per function and task queue. The task queue is
``unknown`` if an invocation fails before it is known."""

KNOWN = ("FunctionName", "FunctionVersion", "TaskQueue")
"""Dimensions whose values are known here."""

UNITS = {
    "Invocations": "Count",
    "ColdStarts": "Count",
    "Failures": "Count",
    "Abandoned": "Count",
    "NeverEnded": "Count",
    "WorkflowTasks": "Count",
    "ActivityTasks": "Count",
    "LocalActivityTasks": "Count",
    "NexusTasks": "Count",
    "Duration": "Milliseconds",
    "InitDuration": "Milliseconds",
    "BusyTime": "Milliseconds",
    "IdleTime": "Milliseconds",
    "Memory": "Megabytes",
}
"""Every metric and its unit."""

IF_ANY = ("NeverEnded", "LocalActivityTasks", "NexusTasks")
"""Metrics that exist only where there was one: each that exists has its price."""

NAME = re.compile(r"[A-Za-z0-9_.-]{1,250}")
MOST_DIMENSIONS = 30
"""In a set, by the specification."""

LONGEST_VALUE = 1024
"""Characters of a dimension's value, by the specification."""

DimensionSet = Mapping[str, str | None]
"""Dimensions by name; ``None`` for a value that is known here."""


class Shape(NamedTuple):
    """Where the metrics appear.

    Attributes:
        namespace: CloudWatch's namespace.
        dimensions: Sets of dimensions, see ``dimension_sets``.
    """

    namespace: str = NAMESPACE
    dimensions: str = DIMENSIONS


DEFAULT_SHAPE = Shape()


def dimension_sets(text: str) -> list[DimensionSet]:
    """Read sets of dimensions.

    Args:
        text: Sets, divided by semicolons; in each, names that are known here or ``Name=value``,
            divided by commas.

    Raises:
        ValueError: It is something else.

    Example:
        >>> dimension_sets("FunctionName; Stage=prod, TaskQueue")
        [{'FunctionName': None}, {'Stage': 'prod', 'TaskQueue': None}]
    """
    sets: list[DimensionSet] = []
    for part in text.split(";"):
        found: dict[str, str | None] = {}
        for entry in filter(None, map(str.strip, part.split(","))):
            name, has_value, value = (word.strip() for word in entry.partition("="))
            if not (name in KNOWN if not has_value else NAME.fullmatch(name) and value):
                raise ValueError(
                    f"expected {', '.join(KNOWN)} or Name=value, with commas between them and "
                    f"semicolons between sets; found {entry!r}"
                )
            if name in UNITS:
                raise ValueError(f"{name} is a metric, and can't be a dimension as well")
            found[name] = value if has_value else None
        if len(found) > MOST_DIMENSIONS:
            raise ValueError(f"a set has at most {MOST_DIMENSIONS} dimensions")
        if found:
            sets.append(found)
    if not sets:
        raise ValueError("expected at least one set of dimensions, such as FunctionName")
    return sets


def embedded_metrics(
    report: Mapping[str, Any],
    task_queue: str,
    at_ms: int,
    shape: Shape,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """The members that turn a log line into metrics.

    Args:
        report: The result of ``InvocationReport.as_dict()``.
        task_queue: The task queue, the dimension ``TaskQueue``.
        at_ms: The time, in milliseconds since the epoch.
        shape: Namespace and dimensions.
        environ: Environment variables.

    Returns:
        Members for the root of the line. Values that were not counted or measured are left out.

    Example:
        >>> report = {"cold": True, "errors": [], "abandoned": [], "duration_ms": 81.5}
        >>> members = embedded_metrics(report, "greetings", 1_800_000_000_000, Shape(), {})
        >>> members["Invocations"], members["ColdStarts"], members["Duration"]
        (1, 1, 81.5)
        >>> members["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        [['FunctionName'], ['FunctionName', 'TaskQueue']]
    """
    sets = dimension_sets(shape.dimensions)
    values = {name: value for name, value in _values(report).items() if _is_known(name, value)}
    definition = {
        "Namespace": shape.namespace,
        "Dimensions": [list(names) for names in sets],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
    }
    here = {
        "FunctionName": environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        "FunctionVersion": environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        "TaskQueue": task_queue,
    }
    dimensions = {
        name: dimension_value(here[name] if value is None else value)
        for names in sets
        for name, value in names.items()
    }
    return {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [definition]},
        **dimensions,
        **values,
    }


def _values(report: Mapping[str, Any]) -> dict[str, Any]:
    tasks = report.get("tasks") or {}
    return {
        "Invocations": 1,
        "ColdStarts": int(report["cold"]),
        "Failures": int(bool(report["errors"])),
        "Abandoned": len(report["abandoned"]),
        "NeverEnded": int(bool(report.get("never_ended"))),
        "WorkflowTasks": tasks.get("workflow"),
        "ActivityTasks": tasks.get("activity"),
        "LocalActivityTasks": tasks.get("local_activity"),
        "NexusTasks": tasks.get("nexus"),
        "Duration": report.get("duration_ms"),
        "InitDuration": report.get("init_ms"),
        "BusyTime": report.get("busy_ms"),
        "IdleTime": report.get("idle_ms"),
        "Memory": report.get("peak_memory_mb"),
    }


def _is_known(name: str, value: float | None) -> bool:
    # What is no number in JSON would make the whole line text.
    return value is not None and math.isfinite(value) and bool(value or name not in IF_ANY)


def dimension_value(text: str) -> str:
    """A text that CloudWatch accepts as the value of a dimension.

    Example:
        >>> dimension_value("größe"), dimension_value(" "), dimension_value(":a")
        ('gr\\\\xf6\\\\xdfe', 'unknown', '_:a')
    """
    ascii_only = text.encode("ascii", "backslashreplace").decode()
    printable = "".join(char if char.isprintable() else "?" for char in ascii_only).strip()
    value = printable[: LONGEST_VALUE - 1] or "unknown"
    return f"_{value}" if value.startswith(":") else value
