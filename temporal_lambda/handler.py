"""``run_worker``, which runs at the cold start and returns the handler."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, cast

from temporalio import workflow
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.config import Credentials
from temporal_lambda.deadline import Deadline
from temporal_lambda.errors import SettingsError
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.process import is_lambda, reseed_after_restore
from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.config_factory import ConfigFactory, graceful_timeout
from temporal_lambda.runtime.configure_callback import Configure, ConfigureCallback
from temporal_lambda.runtime.connection import WarmConnection
from temporal_lambda.runtime.ending import Ending
from temporal_lambda.runtime.execution_environment import ExecutionEnvironment
from temporal_lambda.runtime.invocation import Invocation
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, StrategyFactory
from temporal_lambda.settings.sources import Settings, load_settings
from temporal_lambda.supervision.supervisor import Supervisor

logger = logging.getLogger(__name__)


def run_worker(
    version: WorkerDeploymentVersion | None, configure: ConfigureCallback
) -> Callable[[Any, Any], None]:
    """Create a Lambda handler that runs a Temporal worker in each invocation.

    The cold start reads ``temporal.toml`` and the environment. Each invocation then runs
    ``configure``, connects, polls until its deadline is near (or until no task has been in flight
    for ``idle_timeout``), drains, runs the shutdown hooks and the rest of ``configure``, and logs
    one line.

    Args:
        version: The function's worker deployment version. What it leaves out is taken from the
            settings ``deployment_name`` and ``build_id``; ``None`` leaves out both. Worker
            versioning is always on, so each workflow needs a ``versioning_behavior``, unless
            ``default_versioning_behavior`` is set.
        configure: Receives the :py:class:`LambdaWorkerConfig` of each invocation and registers
            workflows, activities and options on it. A function, a coroutine function, an async
            generator function with exactly one ``yield``, or a function that returns a context
            manager, sync or async. Code before the ``yield`` runs before connecting; code after it
            runs once the worker has stopped, whether or not anything failed.

    Returns:
        The handler. It is synchronous and returns ``None``. If the invocation fails, it closes
        everything first and then raises the error: :py:class:`TaskQueueError`,
        :py:class:`DeadlineError`, :py:class:`ConnectError`, or the error of the callback or the
        worker itself.

    Raises:
        SettingsError: ``temporal.toml`` or an environment variable is invalid, or the version is
            incomplete.
        ConfigureError: ``configure`` has an unsupported form.

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
    version: WorkerDeploymentVersion | None,
    configure: ConfigureCallback,
    strategy: StrategyFactory,
    *,
    connects: bool = True,
) -> Callable[[Any, Any], Any]:
    """Create a handler that runs, for each event, the work strategy that ``strategy`` returns.

    Args:
        version: See ``run_worker``.
        configure: See ``run_worker``.
        strategy: Chooses the strategy for an event.
        connects: Whether any of its strategies connects to a Temporal server.
    """
    if workflow.unsafe.in_sandbox():
        # The workflow sandbox imports each workflow's module again. If that is also the handler's
        # module, this function is called inside the sandbox, where no handler is needed.
        return _never_called
    factory = _make_factory(version)
    reseed_after_restore()
    environment = ExecutionEnvironment(
        factory=factory,
        configure=Configure(configure),
        strategy=strategy,
        connection=WarmConnection(),
    )
    cold = True

    def handler(event: Any, context: Any) -> Any:
        nonlocal cold
        first, cold = cold, False
        return serve(environment, event, context, cold=first)

    versioned = cast(Handler, handler)
    versioned.version = factory.version
    versioned.environment = environment
    versioned.connects = connects
    return versioned


def _make_factory(version: WorkerDeploymentVersion | None) -> ConfigFactory:
    try:
        settings = load_settings(os.environ)
        return ConfigFactory.of(settings, version, _credentials(settings))
    except SettingsError as error:
        # Without the frames below, whose variables hold all that files and environment say: a
        # traceback with variables would show the credentials.
        raise error.with_traceback(None) from None


def _credentials(settings: Settings) -> Credentials | None:
    if not any(name.endswith("_secret") and value for name, value in settings.values.items()):
        return None
    from temporal_lambda.aws.credentials import SecretCredentials

    return SecretCredentials.of(settings)


def serve(environment: ExecutionEnvironment, event: Any, context: Any, *, cold: bool) -> Any:
    """One invocation: its timeline in a loop, its end on this thread, and who watches both."""
    deadline = Deadline.of(context, environment.clock)
    report = InvocationReport(getattr(context, "aws_request_id", None), cold)
    config = environment.factory.new(
        InvocationInfo(
            report.request_id,
            getattr(context, "invoked_function_arn", None),
            cold=cold,
            deadline=deadline,
            report=report,
        )
    )
    budget = Budget.share(deadline, config.shutdown_deadline_buffer, graceful_timeout(config))
    report.redaction = lambda: config.redact
    if is_lambda():
        _mark(environment, config.invocation, report, deadline.remaining())
    progress = Progress(report, budget)
    invocation = Invocation(environment, event, config, progress)
    ending = Ending(config, progress, environment.executors)
    try:
        with _looked_on(environment, progress):
            return Supervisor(invocation, ending, environment.clock).run()
    finally:
        config.invocation.over()


def _looked_on(
    environment: ExecutionEnvironment, progress: Progress
) -> AbstractContextManager[None]:
    if not environment.onlooker:
        return nullcontext()
    from temporal_lambda.runtime.onlooker import looked_on_by

    return looked_on_by(environment.onlooker, progress)


def _mark(
    environment: ExecutionEnvironment,
    invocation: InvocationInfo,
    report: InvocationReport,
    seconds_left: float,
) -> None:
    """Report what an invocation has left that was killed, and let the next one know of this one."""
    if report.cold:
        report.init_ms = environment.init_ms
        report.never_ended = environment.running.take_left()
        if report.never_ended:
            logger.warning(
                "the invocation %s never ended: it was killed, for its time or its memory, or its "
                "process ended by itself",
                report.never_ended["request_id"],
            )
    environment.running.begin(report.request_id, invocation.begun_at, seconds_left)
    invocation.when_over.append(environment.running.end)


class Handler(Protocol):
    """A Lambda handler that knows its worker deployment version.

    Attributes:
        version: The worker deployment version given to ``run_worker``.
        environment: What its invocations share.
        connects: Whether it needs a Temporal server.
    """

    version: WorkerDeploymentVersion
    environment: ExecutionEnvironment
    connects: bool

    def __call__(self, event: Any, context: Any, /) -> Any:
        """Run one invocation."""


def _never_called(event: Any, context: Any) -> None:
    raise RuntimeError("a Lambda handler can't be called from inside a workflow")
