"""Makes each invocation's configuration, and completes what the callback made of it."""

from __future__ import annotations

import copy
import inspect
from datetime import timedelta
from typing import Any, cast

from temporalio.client import ClientConnectConfig
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerConfig, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from temporal_lambda.config import Credentials, LambdaWorkerConfig, ShutdownHook
from temporal_lambda.errors import SettingsError, TaskQueueError
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.naming import name_of
from temporal_lambda.runtime.concessions import fit_buffer, keep_versioning, list_of_hooks
from temporal_lambda.runtime.task_queues import check_more_workers
from temporal_lambda.runtime.worker_observer import LIMITS, TUNER_HIDES_IDLENESS
from temporal_lambda.settings.credentials import hide_credentials
from temporal_lambda.settings.profile import check_address
from temporal_lambda.settings.sources import Settings
from temporal_lambda.settings.table import SETTINGS
from temporal_lambda.settings.values import DURATION

STICKY_TIMEOUT = timedelta(seconds=2)
"""How long the next step of a workflow waits for the worker that has it in its cache. temporalio's
default of 10 s suits workers that stay; in Lambda they end all the time, sometimes without a word.
"""

WORKFLOW_RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("temporal_lambda")
)
"""The SDK's own sandbox, spared the import of this package for every workflow it starts."""


class ConfigFactory:
    """Makes the configuration of each invocation, and completes what the callback made of it.

    Args:
        settings: What files and environment say.
        version: The worker deployment version of this function.
        credentials: Where those of the connection come from, unless the callback says otherwise.

    Attributes:
        version: As given.
    """

    def __init__(
        self,
        settings: Settings,
        version: WorkerDeploymentVersion,
        credentials: Credentials | None = None,
    ) -> None:
        self._settings = settings
        self.version = version
        self._credentials = credentials

    @classmethod
    def of(
        cls,
        settings: Settings,
        version: WorkerDeploymentVersion | None,
        credentials: Credentials | None = None,
    ) -> ConfigFactory:
        """A factory for a version, of which the settings may have what the code leaves out.

        Raises:
            SettingsError: They do not.
        """
        given = version or WorkerDeploymentVersion("", "")
        name = (given.deployment_name or "").strip() or settings.value("deployment_name")
        build_id = (given.build_id or "").strip() or settings.value("build_id")
        if not (name and build_id):
            raise SettingsError(
                "version must have a deployment_name and a build_id, neither of them blank; got "
                f"{version!r}. TEMPORAL_LAMBDA_DEPLOYMENT_NAME and TEMPORAL_LAMBDA_BUILD_ID can "
                "set what the code leaves out"
            )
        return cls(settings, WorkerDeploymentVersion(name, build_id), credentials)

    def new(self, invocation: InvocationInfo | None = None) -> LambdaWorkerConfig:
        """A fresh configuration that shares no mutable object with any other.

        Args:
            invocation: What it is for; one outside of Lambda by default.
        """
        config = LambdaWorkerConfig(
            client_connect_config=cast(
                ClientConnectConfig, copy.deepcopy(dict(self._settings.connect))
            ),
            worker_config=WorkerConfig(
                sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                disable_eager_activity_execution=True,
                deployment_config=self._versioning(),
            ),
            credentials=self._credentials,
            invocation=invocation or InvocationInfo(),
        )
        worker = cast(dict[str, Any], config.worker_config)
        for setting in SETTINGS.values():
            value = self._settings.value(setting.name)
            if value is None or setting.is_part:
                continue
            if setting.option:
                worker[setting.option] = setting.convert(value)
            else:
                setattr(config, setting.name, value)
        return config

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
        queue: Any = worker.get("task_queue")
        if not (queue is None or isinstance(queue, str)):
            raise SettingsError(f'worker_config["task_queue"] must be a name; got {queue!r}')
        if polls and not (queue or "").strip():
            raise TaskQueueError(
                'no task queue: set worker_config["task_queue"] in the configure callback or the '
                "TEMPORAL_TASK_QUEUE environment variable"
            )
        connect = cast(dict[str, Any], config.client_connect_config)
        hide_credentials(connect, "client_connect_config")
        check_address(connect)
        if worker.get("tuner"):
            self._give_way_to_tuner(config)
        _check_values(config)
        check_more_workers(config)
        fit_buffer(config, graceful_timeout(config))
        config.shutdown_hooks = _checked(config.shutdown_hooks)
        keep_versioning(worker, self._versioning())
        worker.setdefault("workflow_runner", WORKFLOW_RUNNER)

    def _give_way_to_tuner(self, config: LambdaWorkerConfig) -> None:
        worker = cast(dict[str, Any], config.worker_config)
        for option in LIMITS.values():
            if worker.get(option) == self._settings.value(option):
                del worker[option]
        if config.idle_timeout is not None:
            raise SettingsError(TUNER_HIDES_IDLENESS)

    def _versioning(self) -> WorkerDeploymentConfig:
        behavior = self._settings.value("default_versioning_behavior") or "unspecified"
        return WorkerDeploymentConfig(
            version=copy.deepcopy(self.version),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior[behavior.upper()],
        )


def graceful_timeout(config: LambdaWorkerConfig) -> timedelta:
    """The graceful timeout of a configuration's worker; none is none, as to the SDK."""
    return config.worker_config.get("graceful_shutdown_timeout", timedelta())


def _check_values(config: LambdaWorkerConfig) -> None:
    """Each attribute of the configuration must be what its setting is."""
    graceful = graceful_timeout(config)
    if not DURATION.accepts(graceful):
        raise SettingsError(
            f'worker_config["graceful_shutdown_timeout"] must be {DURATION.expected}; '
            f"got {graceful!r}"
        )
    for name, need in config.activity_needs.items():
        if not DURATION.accepts(need):
            raise SettingsError(
                f"activity_needs[{name!r}] must be {DURATION.expected}; got {need!r}"
            )
    if not (config.redact is None or callable(config.redact)):
        raise SettingsError(f"redact must be None or a function of a text; got {config.redact!r}")
    bare = LambdaWorkerConfig()
    for setting in SETTINGS.values():
        if setting.option or setting.is_part:
            continue
        value = getattr(config, setting.name)
        optional = getattr(bare, setting.name) is None
        if not (setting.kind.accepts(value) or (optional and value is None)):
            none = "None or " if optional else ""
            raise SettingsError(
                f"{setting.name} must be {none}{setting.kind.expected}; got {value!r}"
            )


def _checked(hooks: Any) -> list[ShutdownHook]:
    found = list_of_hooks(hooks)
    if found is None:
        raise SettingsError(
            f"shutdown_hooks must be a list of callables; got a {type(hooks).__name__}"
        )
    for hook in found:
        if not callable(hook) or inspect.isasyncgenfunction(hook):
            raise SettingsError(
                f"shutdown hook {name_of(hook)} must be a function or a coroutine function"
            )
    return found
