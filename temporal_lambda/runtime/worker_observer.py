"""The worker plugin that counts tasks, and sees activities and workflows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, cast

from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Interceptor,
    Plugin,
    PollerBehaviorSimpleMaximum,
    Replayer,
    ReplayerConfig,
    Worker,
    WorkerConfig,
    WorkerDeploymentConfig,
    WorkflowReplayResult,
)

from temporal_lambda.errors import SettingsError
from temporal_lambda.runtime.concessions import keep_versioning, workflow_slots
from temporal_lambda.tracking.returns import KnownReturns
from temporal_lambda.tracking.slot_supplier import counted_tuner
from temporal_lambda.tracking.slots import Kind, SlotCounter

SDK_LIMIT = 100
"""Slots of a kind whose limit the user removed (temporalio's default)."""

LIMITS: dict[Kind, str] = {
    "workflow": "max_concurrent_workflow_tasks",
    "activity": "max_concurrent_activities",
    "local_activity": "max_concurrent_local_activities",
    "nexus": "max_concurrent_nexus_tasks",
}
"""The worker option that limits the slots of each kind."""

POLLER_BEHAVIORS: dict[Kind, str] = {
    "workflow": "workflow_task_poller_behavior",
    "activity": "activity_task_poller_behavior",
    "nexus": "nexus_task_poller_behavior",
}
"""The worker option that says how tasks of each kind are polled for."""

POLLS: dict[Kind, str] = {
    "workflow": "max_concurrent_workflow_task_polls",
    "activity": "max_concurrent_activity_task_polls",
}
"""The older worker options for it, which win over the behaviors where they are set."""

TUNER_HIDES_IDLENESS = (
    "idle_timeout counts tasks in slots, and those of a tuner can't be observed: use "
    'max_concurrent_* limits instead of worker_config["tuner"], or set idle_timeout to None'
)

TUNER_HIDES_TASKS = (
    'worker_config["tuner"] hides the tasks of this worker: a task that arrives while it closes '
    "waits for its timeout, and the report counts none. max_concurrent_* limits avoid both"
)


class WorkerObserver(Plugin):
    """Comes last, so that it sees what the user's plugins have made of the configuration.

    Args:
        slots: Counts the tasks.
        returns: Keeps timers and retries.
        interceptors: Look at activities and workflows.
        graceful_timeout: The longest graceful timeout there is time for, seconds.
        needs_slots: Whether a configuration that hides its slots is an error.
        versioning: The function's worker versioning, which stays on whatever plugins do.

    Attributes:
        counts: Whether ``slots`` sees the tasks; not where a tuner was brought.
    """

    def __init__(
        self,
        slots: SlotCounter,
        returns: KnownReturns,
        interceptors: Sequence[Interceptor],
        *,
        graceful_timeout: float,
        needs_slots: bool,
        versioning: WorkerDeploymentConfig | None = None,
    ) -> None:
        self._slots = slots
        self._returns = returns
        self._interceptors = [*interceptors, returns]
        self._graceful_timeout = timedelta(seconds=graceful_timeout)
        self._needs_slots = needs_slots
        self._versioning = versioning
        self.counts = False

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class."""
        config["interceptors"] = [*self._interceptors, *config.get("interceptors", [])]
        config["graceful_shutdown_timeout"] = min(
            config.get("graceful_shutdown_timeout", timedelta()), self._graceful_timeout
        )
        if self._versioning:
            keep_versioning(config, self._versioning)
        # The SDK looks at the type of a sandboxed runner when it debugs workflows.
        if not (config.get("debug_mode") or os.environ.get("TEMPORAL_DEBUG")):
            for option in ("workflow_runner", "unsandboxed_workflow_runner"):
                if runner := cast(dict[str, Any], config).get(option):
                    cast(dict[str, Any], config)[option] = self._returns.watch(runner)
        self.counts = not config.get("tuner")
        if self._needs_slots and not self.counts:
            raise SettingsError(TUNER_HIDES_IDLENESS)
        if self.counts:
            limits = {kind: _pop_limit(config, name) for kind, name in LIMITS.items()}
            limits["workflow"] = workflow_slots(limits["workflow"], config)
            queue = config.get("task_queue") or ""
            config["tuner"] = counted_tuner(self._slots, limits, _pollers(config), queue)
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """See base class."""
        await next(worker)

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """See base class."""
        return config

    def run_replayer(
        self,
        replayer: Replayer,
        histories: AsyncIterator[WorkflowHistory],
        next: Callable[
            [Replayer, AsyncIterator[WorkflowHistory]],
            AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]],
        ],
    ) -> AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]]:
        """See base class."""
        return next(replayer, histories)


def _pop_limit(config: WorkerConfig, name: str) -> int:
    limit = cast(dict[str, Any], config).pop(name, None)
    if limit is None:
        return SDK_LIMIT
    if not isinstance(limit, int) or limit < 1:
        raise SettingsError(
            f'worker_config["{name}"] must be a whole number of 1 or more; got {limit!r}'
        )
    return limit


def _pollers(config: WorkerConfig) -> dict[Kind, int]:
    """How many polls for new work are open at a time, where that is fixed."""
    found: dict[Kind, int] = {}
    for kind, name in POLLER_BEHAVIORS.items():
        behavior = config.get(name)
        most = behavior.maximum if isinstance(behavior, PollerBehaviorSimpleMaximum) else 0
        most = cast(dict[str, Any], config).get(POLLS.get(kind, "")) or most
        if most:
            # One poller of workflow tasks is for the sticky queue.
            found[kind] = most - 1 if kind == "workflow" else most
    return found
