"""The report as CloudWatch metrics, in the Embedded Metric Format.

CloudWatch extracts metrics from any log line that is such a JSON object, so no API is called. The
format is AWS's: "Specification: Embedded metric format" in the CloudWatch user guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMESPACE = "temporal_lambda"
DIMENSIONS = (("FunctionName",), ("FunctionName", "TaskQueue"))
"""Each metric exists per function, for alarms, and per function and task queue. The task queue is
``unknown`` if an invocation fails before it is known."""

UNITS = {
    "Invocations": "Count",
    "ColdStarts": "Count",
    "Failures": "Count",
    "Abandoned": "Count",
    "WorkflowTasks": "Count",
    "ActivityTasks": "Count",
    "Duration": "Milliseconds",
    "BusyTime": "Milliseconds",
    "IdleTime": "Milliseconds",
    "Memory": "Megabytes",
}
"""Every metric and its unit."""


def embedded_metrics(
    report: Mapping[str, Any], function: str, task_queue: str, at_ms: int
) -> dict[str, Any]:
    """The members that turn a log line into metrics.

    Args:
        report: The result of ``InvocationReport.as_dict()``.
        function: The function's name, the dimension ``FunctionName``.
        task_queue: The task queue, the dimension ``TaskQueue``.
        at_ms: The time, in milliseconds since the epoch.

    Returns:
        Members for the root of the line. Values that were not counted or measured are left out.

    Example:
        >>> report = {"cold": True, "errors": [], "abandoned": [], "duration_ms": 81.5}
        >>> members = embedded_metrics(report, "greeting", "greetings", 1_800_000_000_000)
        >>> members["Invocations"], members["ColdStarts"], members["Duration"]
        (1, 1, 81.5)
        >>> members["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        [['FunctionName'], ['FunctionName', 'TaskQueue']]
    """
    tasks = report.get("tasks") or {}
    values = {
        "Invocations": 1,
        "ColdStarts": int(report["cold"]),
        "Failures": int(bool(report["errors"])),
        "Abandoned": len(report["abandoned"]),
        "WorkflowTasks": tasks.get("workflow"),
        "ActivityTasks": tasks.get("activity"),
        "Duration": report.get("duration_ms"),
        "BusyTime": report.get("busy_ms"),
        "IdleTime": report.get("idle_ms"),
        "Memory": report.get("peak_memory_mb"),
    }
    known = {name: value for name, value in values.items() if value is not None}
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(names) for names in DIMENSIONS],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in known],
    }
    return {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [definition]},
        "FunctionName": function,
        "TaskQueue": task_queue,
        **known,
    }
