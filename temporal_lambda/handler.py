"""``run_worker``: the cold start, and the handler it returns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from temporalio import workflow
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.config import ConfigFactory
from temporal_lambda.errors import SettingsError
from temporal_lambda.runtime.configure_callback import Configure, ConfigureCallback
from temporal_lambda.runtime.connection import WarmConnection
from temporal_lambda.runtime.execution_environment import Environment
from temporal_lambda.runtime.invocation import Invocation
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, StrategyFactory
from temporal_lambda.settings import load_settings


def run_worker(
    version: WorkerDeploymentVersion, configure: ConfigureCallback
) -> Callable[[Any, Any], None]:
    """Make a Lambda handler that is a Temporal worker.

    The cold start reads ``temporal.toml`` and the environment. Each invocation then runs
    ``configure``, connects, polls until its deadline is near (or nothing has come for
    ``idle_timeout``), drains, runs the shutdown hooks and the rest of ``configure``, and logs one
    line about it all.

    Args:
        version: The worker deployment version of this function. Worker versioning is always on.
        configure: Receives the :py:class:`LambdaWorkerConfig` of each invocation and registers
            workflows, activities and options on it. A function, a coroutine function, an async
            generator function with exactly one ``yield``, or a function that returns a context
            manager, sync or async. What stands before the ``yield`` runs before the connection is
            made; what stands after it runs once the worker has stopped, on every path.

    Returns:
        The handler. It is synchronous and returns ``None``. It raises what the invocation failed
        with, after everything is closed: :py:class:`TaskQueueError`, :py:class:`DeadlineError`,
        :py:class:`ConnectError`, or the error of the callback or the worker itself.

    Raises:
        SettingsError: ``temporal.toml`` or the environment is wrong, or the version is incomplete.
        ConfigureError: ``configure`` has a form that can't be driven.

    Example:
        >>> from temporalio.common import WorkerDeploymentVersion
        >>> from temporal_lambda import LambdaWorkerConfig, run_worker
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     config.worker_config["task_queue"] = "greetings"
        ...     config.worker_config["activities"] = []
        >>> lambda_handler = run_worker(
        ...     WorkerDeploymentVersion(deployment_name="greetings", build_id="1"), configure
        ... )
    """
    return make_handler(version, configure, ServeTaskQueue)


def make_handler(
    version: WorkerDeploymentVersion, configure: ConfigureCallback, strategy: StrategyFactory
) -> Callable[[Any, Any], Any]:
    """Make a handler that does, for each event, what ``strategy`` chooses."""
    if workflow.unsafe.in_sandbox():
        # The workflow sandbox imports the module of each workflow anew. Where that is also the
        # handler's module this line is reached again, and there is nothing to be a worker for.
        return _never_called
    if not ((version.deployment_name or "").strip() and (version.build_id or "").strip()):
        raise SettingsError(
            "version must have a deployment_name and a build_id, neither of them blank; got "
            f"{version!r}"
        )
    environment = Environment(
        factory=ConfigFactory(load_settings(os.environ), version),
        configure=Configure(configure),
        strategy=strategy,
        connection=WarmConnection(time.time),
    )
    cold = True

    def handler(event: Any, context: Any) -> Any:
        nonlocal cold
        invocation = Invocation(environment, event, context, cold=cold)
        cold = False
        return invocation.run()

    versioned = cast(Handler, handler)
    versioned.version = version
    return versioned


class Handler(Protocol):
    """A Lambda handler: a function that says which version it is.

    Attributes:
        version: The worker deployment version it was made for.
    """

    version: WorkerDeploymentVersion

    def __call__(self, event: Any, context: Any, /) -> Any:
        """Run one invocation."""


def _never_called(event: Any, context: Any) -> None:
    raise RuntimeError("a Lambda handler can't be called from inside a workflow")
