"""Findings about a handler, from what it would serve and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from temporal_lambda.deploy.checking.findings import Finding

LONGEST = 900
"""Seconds that a function may run (AWS quota)."""


def check_handler(name: str, described: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about a handler.

    Args:
        name: What the user calls the code.
        described: What ``temporal_lambda.describe_handler`` says of it.
    """
    if "error" in described:
        yield Finding(
            "handler",
            "error",
            f"the handler of {name} can't be imported: {_brief(described['error'])}",
            "in Lambda, each invocation would fail like this",
            "mend the import, or run the check where what it needs is installed",
        )
        return
    if not described.get("build_id"):
        yield Finding(
            "handler-version",
            "warning",
            f"the handler of {name} does not say which version it is",
            "it was not made by temporal_lambda.run_worker, so it could not be looked at further",
            "name its build to 'package' by --deployment-name and --build-id",
        )
    if "configuration_error" in described:
        yield Finding(
            "configure",
            "error",
            f"the configure callback of {name} fails: {described['configuration_error']}",
            "in Lambda, each invocation would fail like this",
            "mend it, or run the check where the callback finds what it needs",
        )
    if configuration := described.get("configuration"):
        yield from _check_configuration(name, configuration)


def _brief(error: str) -> str:
    lines = error.splitlines()
    return " ".join([lines[0], *lines[1:][-1:]])


def _check_configuration(name: str, configuration: Mapping[str, Any]) -> Iterator[Finding]:
    for worker in configuration["workers"]:
        yield from _check_worker(worker)
    idle = configuration["idle_timeout"]
    if not configuration["polls"]:
        return
    if idle is None:
        yield Finding(
            "idle-timeout",
            "warning",
            f"{name} has no idle_timeout",
            "each invocation polls until its deadline, and all of that is billed",
            'set idle_timeout to "auto"',
        )
    elif idle != "auto" and float(idle).is_integer():
        yield Finding(
            "round-idle-timeout",
            "note",
            f"{name} has an idle_timeout of {idle:g} s",
            "timers and retries come back after whole seconds, just when the worker closes",
            'set it to "auto", or to a duration between two seconds, such as 1.3 s',
        )


def _check_worker(worker: Mapping[str, Any]) -> Iterator[Finding]:
    queue = worker["task_queue"]
    undeclared = [name for name, behavior in worker["workflows"].items() if behavior is None]
    if undeclared and worker["default_behavior"] is None:
        yield Finding(
            "versioning-behavior",
            "error",
            f"workflows of {queue} declare no versioning behavior: {', '.join(undeclared)}",
            "the worker fails at its start, since no one could say which build goes on with them",
            "give each @workflow.defn a versioning_behavior, or set default_versioning_behavior",
        )
    if worker["sync_activities"] and not worker["has_executor"]:
        yield Finding(
            "activity-executor",
            "error",
            f"activities of {queue} are not async: {', '.join(worker['sync_activities'])}",
            "the worker fails at its start, since they need threads to run in",
            'set worker_config["activity_executor"] to a ThreadPoolExecutor',
        )


def check_times(
    configuration: Mapping[str, Any], timeout: float = LONGEST, function: str | None = None
) -> Iterator[Finding]:
    """Findings about a handler's times within those of its function.

    Args:
        configuration: Of the handler.
        timeout: Seconds that an invocation may take.
        function: The function whose timeout that is; ``None`` for the longest that there can be.
    """
    work = timeout - configuration["shutdown_deadline_buffer"]
    where = f"an invocation of {function}" if function else "any invocation"
    for place, seconds in configuration["activity_timeouts"]:
        if seconds > work:
            yield Finding(
                "activity-timeout",
                "warning",
                f"{place} lets an activity take {seconds:g} s, and {where} has {work:g} s for work",
                "one that takes that long is cut off, and begins anew in another invocation",
                "heartbeat, so that it goes on where it was; or give the function more time",
            )
    for name, seconds in configuration["activity_needs"].items():
        if seconds > work:
            yield Finding(
                "activity-needs",
                "warning",
                f"activity {name} needs {seconds:g} s, and {where} has {work:g} s for work",
                "no invocation has time enough for it, so it is begun all the same and cut off",
                "give the function more time, or split the activity",
            )
