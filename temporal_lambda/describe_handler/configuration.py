"""What a handler would serve, and how: its configuration, as the callback makes it.

Runs the configure callback once, with its teardown, and connects to nothing.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.common import VersioningBehavior

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.naming import ACTIVITY_DEFINITION, WORKFLOW_DEFINITION, registered_name
from temporal_lambda.runtime.config_factory import graceful_timeout
from temporal_lambda.runtime.execution_environment import ExecutionEnvironment
from temporal_lambda.runtime.task_queues import worker_configs
from temporal_lambda.runtime.work_strategy import ServeTaskQueue

CALLBACK_SECONDS = 30.0
"""Seconds that the callback and its teardown may take."""

TIMEOUT = "start_to_close_timeout"


def describe_configuration(environment: ExecutionEnvironment) -> dict[str, Any]:
    """Run the callback of a handler and say what came of it.

    Args:
        environment: The handler's ``environment``.

    Returns:
        Values for JSON: ``workers`` with their queues, workflows and activities, times in seconds,
        and the timeouts that the workflows' files give to activities in so many words.

    Raises:
        Exception: What the callback raises, or what is wrong with its configuration.
    """
    return asyncio.run(asyncio.wait_for(_describe(environment), CALLBACK_SECONDS))


async def _describe(environment: ExecutionEnvironment) -> dict[str, Any]:
    config = environment.factory.new()
    teardown = await environment.configure.set_up(config)
    try:
        environment.factory.complete(config, polls=environment.strategy is ServeTaskQueue)
        return _facts(config)
    finally:
        if teardown:
            await teardown(None)


def _facts(config: LambdaWorkerConfig) -> dict[str, Any]:
    idle = config.idle_timeout
    workers = worker_configs(config)
    return {
        "workers": [_worker(worker) for worker in workers],
        "polls": any(worker.get("task_queue") for worker in workers),
        "graceful_timeout": graceful_timeout(config).total_seconds(),
        "shutdown_deadline_buffer": config.shutdown_deadline_buffer.total_seconds(),
        "idle_timeout": idle.total_seconds() if isinstance(idle, timedelta) else idle,
        "activity_needs": {
            name: need.total_seconds() for name, need in config.activity_needs.items()
        },
        "activity_timeouts": sorted(_timeouts(workers)),
    }


def _worker(worker: Mapping[str, Any]) -> dict[str, Any]:
    versioning = worker.get("deployment_config")
    default = versioning.default_versioning_behavior if versioning else None
    return {
        "task_queue": worker.get("task_queue"),
        "default_behavior": _behavior(default),
        "workflows": {
            registered_name(found): "dynamic"
            if getattr(definition, "dynamic_config_fn", None)
            else _behavior(getattr(definition, "versioning_behavior", None))
            for found in worker.get("workflows") or []
            for definition in [getattr(found, WORKFLOW_DEFINITION, None)]
        },
        "sync_activities": [
            registered_name(found)
            for found in worker.get("activities") or []
            for definition in [_activity(found)]
            if definition is not None and not definition.is_async
        ],
        "has_executor": worker.get("activity_executor") is not None,
    }


def _activity(found: Any) -> Any:
    """The definition of an activity: a function, a method, or an object that can be called."""
    call = getattr(found, "__call__", None)  # noqa: B004
    return getattr(found, ACTIVITY_DEFINITION, None) or getattr(call, ACTIVITY_DEFINITION, None)


def _behavior(behavior: VersioningBehavior | None) -> str | None:
    if behavior in (None, VersioningBehavior.UNSPECIFIED):
        return None
    return behavior.name.lower() if behavior else None


def _timeouts(workers: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """Where a workflow says in so many words how long an activity may take, in seconds."""
    for worker in workers:
        for found in worker.get("workflows") or []:
            try:
                file = Path(inspect.getfile(found))
            except (TypeError, OSError):
                continue  # Made at run time: it has none.
            yield from activity_timeouts(file, found.__name__)


def activity_timeouts(file: Path, workflow: str) -> Iterator[tuple[str, float]]:
    """Place and seconds of each timeout of an activity that a workflow spells out.

    Args:
        file: The source.
        workflow: The class.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for found in ast.walk(tree):
        if isinstance(found, ast.ClassDef) and found.name == workflow:
            for node in ast.walk(found):
                if isinstance(node, ast.keyword) and node.arg == TIMEOUT:
                    seconds = _seconds(node.value)
                    if seconds is not None:
                        yield f"{file.name}:{node.value.lineno}", seconds


def _seconds(node: ast.expr) -> float | None:
    """The duration that ``timedelta(minutes=5)`` is, ``None`` if it has to be computed."""
    if not isinstance(node, ast.Call):
        return None
    called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
    if called != "timedelta":
        return None
    try:
        values = [ast.literal_eval(value) for value in node.args]
        named = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg}
        return timedelta(*values, **named).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
