"""Adjusts configurations that can't be served exactly as they are, each with a warning."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from temporalio.worker import WorkerConfig, WorkerDeploymentConfig

from temporal_lambda.config import (
    DEFAULT_GRACEFUL_TIMEOUT,
    HOOK_BUFFER,
    FollowsGracefulTimeout,
    LambdaWorkerConfig,
    ShutdownHook,
)
from temporal_lambda.process import warn_once
from temporal_lambda.runtime.budget import SHORTEST_WORK, fitting_graceful_timeout

logger = logging.getLogger("temporal_lambda.settings")

SHORTEST_BUFFER = timedelta(seconds=1)
"""Less may not do to stop a worker and run a hook: with the server 50 ms away, 0.3 s did not."""

DEFAULT_BUFFER = DEFAULT_GRACEFUL_TIMEOUT + HOOK_BUFFER


def fit_buffer(config: LambdaWorkerConfig, graceful: timedelta) -> None:
    """Make the shutdown buffer fit the function's time, and say what it leaves of the drain."""
    remaining = config.invocation.remaining_time()
    buffer = config.shutdown_deadline_buffer
    longest = remaining - timedelta(seconds=SHORTEST_WORK) if remaining else None
    follows = not FollowsGracefulTimeout.is_set(config)
    if remaining and longest and follows and buffer >= max(longest, DEFAULT_BUFFER):
        # Where the default would do, a longer graceful timeout is no reason to refuse to work.
        buffer = config.shutdown_deadline_buffer = max(DEFAULT_BUFFER, min(buffer, remaining / 2))
    if buffer < SHORTEST_BUFFER:
        warn_once(
            logger,
            "shutdown_deadline_buffer (%g s) is too small to stop a worker in: %g s are used",
            buffer.total_seconds(),
            SHORTEST_BUFFER.total_seconds(),
        )
        buffer = config.shutdown_deadline_buffer = SHORTEST_BUFFER
    fitting = fitting_graceful_timeout(buffer.total_seconds(), graceful.total_seconds())
    if fitting < graceful.total_seconds():
        warn_once(
            logger,
            "activities have %.4g s to finish instead of graceful_shutdown_timeout (%g s): the "
            "shutdown begins %.4g s before the deadline, and hooks need some of that. Set "
            "shutdown_deadline_buffer to %g s (in a function with time for it), or lower "
            "graceful_shutdown_timeout",
            fitting,
            graceful.total_seconds(),
            buffer.total_seconds(),
            (graceful + HOOK_BUFFER).total_seconds(),
        )


def list_of_hooks(hooks: Any) -> list[ShutdownHook] | None:
    """Shutdown hooks in whatever they were put; ``None`` if that is nothing to go through."""
    if isinstance(hooks, list):
        return hooks
    return list(hooks) if isinstance(hooks, Iterable) and not isinstance(hooks, str) else None


def workflow_slots(limit: int, config: WorkerConfig) -> int:
    """How many slots workflow tasks get: a cached workflow needs one beside that of a new one."""
    if limit != 1 or config.get("max_cached_workflows") == 0:
        return limit
    if config.get("workflows"):
        warn_once(
            logger,
            "max_concurrent_workflow_tasks of 1 leaves no slot to continue the workflows in the "
            "cache: 2 are used. Set it to 2 or more, or max_cached_workflows to 0",
        )
    return 2


def keep_versioning(config: WorkerConfig, versioning: WorkerDeploymentConfig) -> None:
    """Worker versioning stays on with the function's version, and eager activities stay off.

    The default versioning behavior is the user's to choose.
    """
    given = config.get("deployment_config")
    mixed = {key for key in ("build_id", "use_worker_versioning") if config.get(key)}
    if given:
        versioning = replace(
            versioning, default_versioning_behavior=given.default_versioning_behavior
        )
    if mixed or (given and given != versioning):
        warn_once(
            logger,
            "worker versioning stays on, with the version given to run_worker (%s, build %s): "
            "another version in the worker's configuration has no effect",
            versioning.version.deployment_name,
            versioning.version.build_id,
        )
    for key in mixed:
        del cast(dict[str, Any], config)[key]
    config["deployment_config"] = versioning
    config["disable_eager_activity_execution"] = True
