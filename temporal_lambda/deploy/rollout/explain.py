"""Why a version does not come to serve a task queue: told by those who know."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from temporal_lambda.deploy.connections import ask_aws
from temporal_lambda.deploy.errors import DeployError

LOG_ATTEMPTS = 4
LOG_PAUSE = 2.0
"""How often the function's log is read until it has lines, and seconds in between."""

LINES = 15
"""Lines of the function's log that are shown."""

CONTROLLER = "temporal-sys-worker-controller-instance"

TIMED_OUT = re.compile(r"Task timed out after|\"status\": ?\"timeout\"")


async def controllers_error(client: Client, version: WorkerDeploymentVersion) -> str | None:
    """What failed last in the server's worker controller, in AWS's own words.

    The answer to a call hides it ("something went wrong, please retry"), but the history of the
    controller's workflow for the version has it.

    Args:
        client: Connected to the server.
        version: The version.

    Returns:
        ``None`` if nothing failed, or the history can't be read.
    """
    workflow = f"{CONTROLLER}:{version.deployment_name}:{version.build_id}"
    try:
        history = await client.get_workflow_handle(workflow).fetch_history()
    except RPCError:
        return None
    failures = [
        event.activity_task_failed_event_attributes.failure.message
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
    ]
    return failures[-1] if failures else None


def remedy(error: str, arn: str) -> str:
    """What to do about what the controller met.

    Example:
        >>> remedy("not authorized to perform: lambda:InvokeFunction", "arn:f:1")[-22:]
        'both arn:f and arn:f:*'
    """
    name = arn.rpartition(":")[0]
    if "lambda:" in error and ("not authorized" in error or "AccessDenied" in error):
        return (
            "the invoke role needs lambda:InvokeFunction and lambda:GetFunction on both "
            f"{name} and {name}:*"
        )
    if "AssumeRole" in error or "assume" in error.lower():
        return (
            "the invoke role must trust Temporal's principals, under the condition that "
            "sts:ExternalId is the value of --external-id"
        )
    if "TooManyRequests" in error or "Rate Exceeded" in error or "429" in error:
        return "raise the function's reserved concurrency, or the account's limit, and run it again"
    return "run the command again once that is mended"


async def log_of(logs: Any, function: str, number: str, since_ms: int) -> list[str]:
    """What a version of a function has logged since.

    Args:
        logs: boto3's client for CloudWatch Logs.
        function: The function's name.
        number: The version's number.
        since_ms: Epoch milliseconds to begin at.

    Returns:
        All of them, the newest last; empty if there are none some seconds later; or why they can't
        be read.
    """
    for attempt in range(LOG_ATTEMPTS):
        # CloudWatch has a line some seconds after it was written.
        await asyncio.sleep(LOG_PAUSE if attempt else 0)
        try:
            lines = _read_log(logs, function, number, since_ms)
        except DeployError as error:
            return [str(error)]
        if lines:
            return lines
    return []


def _read_log(logs: Any, function: str, number: str, since_ms: int) -> list[str]:
    group = f"/aws/lambda/{function}"
    found = ask_aws(
        f"the log {group} can't be read",
        logs.filter_log_events,
        unless=("ResourceNotFoundException",),
        logGroupName=group,
        startTime=since_ms,
    )
    return [
        line
        for event in (found or {}).get("events", [])
        # A stream's name has the version: 2026/11/28/[5]0123abcd
        if f"[{number}]" in event["logStreamName"]
        for line in event["message"].rstrip().splitlines()
    ]


def hint(lines: Sequence[str]) -> str | None:
    """What the function's log says of a handler that does not serve, in one sentence."""
    text = "\n".join(lines)
    if TIMED_OUT.search(text):
        return (
            "the function ran into its timeout: it must be longer than the worker's "
            "shutdown_deadline_buffer plus its start; raise it with --timeout"
        )
    for error in ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.UserCodeSyntax"):
        if error in text:
            return "the handler can't be imported in Lambda"
    for name in ("ConnectError", "SettingsError", "TaskQueueError", "DeadlineError"):
        if name in text:
            return f"the function ended with {name}: its environment or configuration is wrong"
    if "Traceback" in text or "errorMessage" in text or "[ERROR]" in text:
        return "the handler raised an error"
    return None


def tail(lines: Sequence[str]) -> list[str]:
    """The last lines for a terminal: JSON records as their message, control characters escaped."""
    shown = []
    for line in lines[-LINES:]:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        text = line.replace("\N{NO-BREAK SPACE}", " ")
        if isinstance(record, dict) and ("message" in record or "errorMessage" in record):
            text = str(record.get("errorMessage") or record.get("message"))
        shown.append("".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text))
    return shown
