"""What the configure callback sees: the configuration of one invocation."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast, get_args

from temporalio.client import ClientConnectConfig
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorSimpleMaximum, WorkerConfig, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from temporal_lambda.errors import SettingsError, TaskQueueError
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.naming import name_of
from temporal_lambda.settings import Recycling, Settings
from temporal_lambda.tracking.slots import Kind

ShutdownHook = Callable[[], Awaitable[Any] | None]

HOOK_BUFFER = timedelta(seconds=2)
"""What the shutdown buffer holds beyond the graceful timeout (the contrib module's default)."""

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

DEFAULT_LIMITS = {
    "max_concurrent_activities": 2,
    "max_concurrent_workflow_tasks": 10,
    "max_concurrent_local_activities": 2,
    "max_concurrent_nexus_tasks": 5,
}
"""Slots per kind; all defaults are the contrib module's, tuned for a small Lambda function."""

POLLERS = {"workflow_task_pollers": 2, "activity_task_pollers": 1, "nexus_task_pollers": 1}
GRACEFUL_SHUTDOWN_TIMEOUT = timedelta(seconds=5)
MAX_CACHED_WORKFLOWS = 30

STICKY_TIMEOUT = timedelta(seconds=2)
"""How long the next step of a workflow waits for the worker that has it in its cache. temporalio's
default of 10 s suits workers that stay; here they end all the time, now and then without a word."""

WORKFLOW_RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("temporal_lambda")
)
"""The SDK's own sandbox, spared the import of this package for every workflow it starts."""


@dataclass
class LambdaWorkerConfig:
    """The configuration of one invocation, handed to the configure callback.

    It is made anew for each invocation and shares nothing with the next one. A bare instance holds
    no Lambda defaults; the one a callback receives holds them all, with what ``temporal.toml`` and
    the environment say on top. The callback has the last word, with two exceptions: worker
    versioning with the version given to ``run_worker`` stays on, and eager activities stay off.

    Attributes:
        client_connect_config: Keyword arguments for ``temporalio.client.Client.connect``.
        worker_config: Keyword arguments for ``temporalio.worker.Worker``.
        shutdown_deadline_buffer: How long before Lambda's deadline the shutdown (drain, hooks,
            teardown) begins. Unless set by hand it is ``graceful_shutdown_timeout`` plus 2 s.
        shutdown_hooks: Callables without arguments, run in order when the worker has stopped, on
            every path. What they return is awaited if it can be.
        idle_timeout: End the invocation once no task has been in flight for this long; ``None``
            polls until the deadline.
        reuse_connection: Keep the connection to the server for the next invocation in the same
            execution environment.
        recycle_environment: When to end the process after an invocation, so that the next one
            starts in a fresh environment; Lambda then counts the invocation as failed.
            ``poisoned``: when a worker could not be kept from polling, since it would be given
            tasks of later invocations and lose them. ``abandoned``: when anything was left
            running. ``never``.
        cloudwatch_metrics: Print the report such that CloudWatch makes metrics of it.
        invocation: The invocation this configuration is for: request id, function ARN, the time
            that is left, and for hooks why the work ended. To read, not to set.

    Example:
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     config.worker_config["task_queue"] = "greetings"
        ...     config.idle_timeout = timedelta(seconds=2)
        >>> config = LambdaWorkerConfig()
        >>> configure(config)
        >>> config.worker_config
        {'task_queue': 'greetings'}
    """

    client_connect_config: ClientConnectConfig = field(
        default_factory=lambda: cast(ClientConnectConfig, {}),
        repr=False,  # It may hold credentials.
    )
    worker_config: WorkerConfig = field(default_factory=lambda: WorkerConfig())
    shutdown_deadline_buffer: timedelta = timedelta(seconds=7)
    shutdown_hooks: list[ShutdownHook] = field(default_factory=list)
    idle_timeout: timedelta | None = None
    reuse_connection: bool = True
    recycle_environment: Recycling = "poisoned"
    cloudwatch_metrics: bool = False
    invocation: InvocationInfo = field(default_factory=InvocationInfo, repr=False, compare=False)


class ConfigFactory:
    """Makes the configuration of each invocation, and completes what the callback made of it.

    Args:
        settings: What files and environment say.
        version: The worker deployment version of this function.
    """

    def __init__(self, settings: Settings, version: WorkerDeploymentVersion) -> None:
        self._settings = settings
        self._version = version
        values = settings.values
        self._graceful = values.get("graceful_shutdown_timeout", GRACEFUL_SHUTDOWN_TIMEOUT)
        self._followed = self._graceful + HOOK_BUFFER
        self._limits = {name: values.get(name, default) for name, default in DEFAULT_LIMITS.items()}
        _check_buffer(self.buffer, self._graceful)
        _check_cache(self.new().worker_config)

    @property
    def buffer(self) -> timedelta:
        """The shutdown buffer before the callback has spoken."""
        buffer: timedelta = self._settings.values.get("shutdown_deadline_buffer", self._followed)
        return buffer

    def new(self, invocation: InvocationInfo | None = None) -> LambdaWorkerConfig:
        """A fresh configuration that shares no mutable object with any other.

        Args:
            invocation: What it is for; one outside of Lambda by default.
        """
        values = self._settings.values
        pollers = {name: values.get(name, default) for name, default in POLLERS.items()}
        worker_config = WorkerConfig(
            max_concurrent_activities=self._limits["max_concurrent_activities"],
            max_concurrent_workflow_tasks=self._limits["max_concurrent_workflow_tasks"],
            max_concurrent_local_activities=self._limits["max_concurrent_local_activities"],
            max_concurrent_nexus_tasks=self._limits["max_concurrent_nexus_tasks"],
            workflow_task_poller_behavior=_pollers(pollers["workflow_task_pollers"]),
            activity_task_poller_behavior=_pollers(pollers["activity_task_pollers"]),
            nexus_task_poller_behavior=_pollers(pollers["nexus_task_pollers"]),
            graceful_shutdown_timeout=self._graceful,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            max_cached_workflows=values.get("max_cached_workflows", MAX_CACHED_WORKFLOWS),
            disable_eager_activity_execution=True,
            deployment_config=self._versioning(VersioningBehavior.UNSPECIFIED),
        )
        if "task_queue" in values:
            worker_config["task_queue"] = values["task_queue"]
        return LambdaWorkerConfig(
            client_connect_config=cast(
                ClientConnectConfig, copy.deepcopy(dict(self._settings.connect))
            ),
            worker_config=worker_config,
            shutdown_deadline_buffer=self.buffer,
            idle_timeout=values.get("idle_timeout"),
            reuse_connection=values.get("reuse_connection", True),
            recycle_environment=values.get("recycle_environment", "poisoned"),
            cloudwatch_metrics=values.get("cloudwatch_metrics", False),
            invocation=invocation or InvocationInfo(),
        )

    def complete(self, config: LambdaWorkerConfig, *, polls: bool = True) -> None:
        """Settle what depends on several values, after the callback.

        Args:
            config: What the callback made of it.
            polls: Whether a worker will poll with it.

        Raises:
            TaskQueueError: There is no task queue to poll.
            SettingsError: Values contradict each other or have the wrong type.
        """
        worker = config.worker_config
        if polls and not (worker.get("task_queue") or "").strip():
            raise TaskQueueError(
                'no task queue: set worker_config["task_queue"] in the configure callback or the '
                "TEMPORAL_TASK_QUEUE environment variable"
            )
        if worker.get("tuner"):
            self._give_way_to_tuner(config)
        self._settle_times(config)
        _check_hooks(config.shutdown_hooks)
        _check_cache(worker)
        given = worker.get("deployment_config")
        behavior = given.default_versioning_behavior if given else VersioningBehavior.UNSPECIFIED
        worker["deployment_config"] = self._versioning(behavior)
        worker["disable_eager_activity_execution"] = True
        worker.setdefault("workflow_runner", WORKFLOW_RUNNER)

    def _give_way_to_tuner(self, config: LambdaWorkerConfig) -> None:
        worker = cast(dict[str, Any], config.worker_config)
        for name, default in self._limits.items():
            if worker.get(name) == default:
                del worker[name]
        if config.idle_timeout is not None:
            raise SettingsError(TUNER_HIDES_IDLENESS)

    def _settle_times(self, config: LambdaWorkerConfig) -> None:
        graceful = config.worker_config.get("graceful_shutdown_timeout", timedelta())
        for name, value in (
            ("shutdown_deadline_buffer", config.shutdown_deadline_buffer),
            ('worker_config["graceful_shutdown_timeout"]', graceful),
        ):
            if not isinstance(value, timedelta) or value < timedelta():
                raise SettingsError(f"{name} must be a timedelta of 0 or more; got {value!r}")
        if config.recycle_environment not in get_args(Recycling):
            raise SettingsError(
                f"recycle_environment must be one of {', '.join(get_args(Recycling))}; got "
                f"{config.recycle_environment!r}"
            )
        idle = config.idle_timeout
        if idle is not None and (not isinstance(idle, timedelta) or idle <= timedelta()):
            raise SettingsError(f"idle_timeout must be None or a timedelta above 0; got {idle!r}")
        # Identity, not equality: a callback that sets the default's value has set it by hand.
        if config.shutdown_deadline_buffer is self._followed:
            config.shutdown_deadline_buffer = graceful + HOOK_BUFFER
        _check_buffer(config.shutdown_deadline_buffer, graceful)

    def _versioning(self, behavior: VersioningBehavior) -> WorkerDeploymentConfig:
        return WorkerDeploymentConfig(
            version=copy.deepcopy(self._version),
            use_worker_versioning=True,
            default_versioning_behavior=behavior,
        )


TUNER_HIDES_IDLENESS = (
    "idle_timeout counts tasks in slots, and those of a tuner can't be observed: use "
    'max_concurrent_* limits instead of worker_config["tuner"], or set idle_timeout to None'
)

TUNER_HIDES_TASKS = (
    'worker_config["tuner"] hides the tasks of this worker: a task that arrives while it closes '
    "waits for its timeout, and the report counts none. max_concurrent_* limits avoid both"
)


def _check_hooks(hooks: Any) -> None:
    if not isinstance(hooks, list):
        raise SettingsError(
            f"shutdown_hooks must be a list of callables; got a {type(hooks).__name__}"
        )
    for hook in hooks:
        if not callable(hook) or inspect.isasyncgenfunction(hook):
            raise SettingsError(
                f"shutdown hook {name_of(hook)} must be a function or a coroutine function"
            )


def _check_cache(worker: WorkerConfig) -> None:
    slots, cached = worker.get("max_concurrent_workflow_tasks"), worker.get("max_cached_workflows")
    if slots == 1 and cached != 0:
        raise SettingsError(
            "max_concurrent_workflow_tasks of 1 leaves no slot to continue the workflows in the "
            "cache: set it to 2 or more, or max_cached_workflows to 0"
        )


def _pollers(maximum: int) -> PollerBehaviorSimpleMaximum:
    return PollerBehaviorSimpleMaximum(maximum=maximum)


def _check_buffer(buffer: timedelta, graceful: timedelta) -> None:
    if buffer < graceful:
        raise SettingsError(
            f"shutdown_deadline_buffer ({buffer.total_seconds():g} s) is smaller than "
            f"graceful_shutdown_timeout ({graceful.total_seconds():g} s), so the drain could not "
            f"finish: set shutdown_deadline_buffer to at least "
            f"{(graceful + HOOK_BUFFER).total_seconds():g} s, or lower graceful_shutdown_timeout"
        )
