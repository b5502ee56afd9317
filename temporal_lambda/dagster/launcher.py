"""The run launcher that ``dagster.yaml`` names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from temporal_lambda.errors import MissingExtraError, SettingsError

try:
    from botocore.exceptions import BotoCoreError, ClientError
    from dagster import DagsterInstance, DagsterRun

    from temporal_lambda.dagster.dagster_internals import (
        CheckRunHealthResult,
        ConfigurableClass,
        ConfigurableClassData,
        LaunchRunContext,
        ResumeRunContext,
        RunLauncher,
        UserConfigSchema,
        WorkerStatus,
        launch_failed,
    )
    from temporal_lambda.dagster.launching import tags
    from temporal_lambda.dagster.launching.canceling import cancel
    from temporal_lambda.dagster.launching.clients import ClientFactory, Clients
    from temporal_lambda.dagster.launching.config import LauncherConfig
    from temporal_lambda.dagster.launching.config_schema import config_schema
    from temporal_lambda.dagster.launching.dispatcher import Dispatcher
    from temporal_lambda.dagster.launching.health import check_health
    from temporal_lambda.dagster.launching.inner_launcher import rehydrate
    from temporal_lambda.dagster.launching.launch_notes import launch_notes
    from temporal_lambda.dagster.launching.lease import RunLease
    from temporal_lambda.dagster.launching.redact import redacted
    from temporal_lambda.dagster.launching.wait_pool import WaitPool, process_pool
except ModuleNotFoundError as error:
    raise MissingExtraError("temporal_lambda.dagster.launcher", "dagster", error) from error

logger = logging.getLogger(__name__)


class LambdaRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Launches runs by invoking AWS Lambda functions.

    In ``dagster.yaml``::

        run_launcher:
          module: temporal_lambda.dagster.launcher
          class: LambdaRunLauncher
          config:
            default_function_name: etl
            inner:            # for runs without lambda/ tags
              module: dagster
              class: DefaultRunLauncher

        run_monitoring:       # finds runs whose waiting process is gone; off unless said
          enabled: true
          poll_interval_seconds: 30

    Tags of jobs and runs name the function and how it is invoked: ``lambda/function_name`` or
    ``lambda/function_arn``, ``lambda/invocation_type`` (``Event``, ``RequestResponse``),
    ``lambda/payload_mode`` (``full``, ``config_only``, ``ops_only``, ``custom`` with
    ``lambda/payload_config_path``), ``lambda/durable``, ``lambda/run_code``, ``lambda/external``.

    What else ``config`` may hold, with the defaults, is in docs/dagster-reference.md.

    A run is STARTED when it is handed to a thread of this process, also while it waits there for
    one of ``max_concurrent_waits``: run monitoring ends what stays STARTING for 180 s. A hidden tag
    names the process that waits. When that dies, run monitoring attaches to a durable run, invokes
    one that was not invoked, and fails any other, whose function may have done its work.

    Args:
        config: The configuration.
        inner: The launcher of runs that carry no ``lambda/`` tag.
        inst_data: Where Dagster found the configuration.
        client_factory: Makes Lambda clients, see ``clients.ClientFactory``. A subclass that is
            named in ``dagster.yaml`` can override ``make_client`` instead.
        pool: Threads that wait for functions; by default those that all launchers of this process
            share.

    Raises:
        SettingsError: A number of the configuration makes no sense.

    Example:
        >>> launcher = LambdaRunLauncher(LauncherConfig(default_function_name="etl"))
        >>> launcher.supports_check_run_worker_health
        True
    """

    make_client: ClientFactory | None = None

    def __init__(
        self,
        config: LauncherConfig | None = None,
        inner: RunLauncher[DagsterInstance] | None = None,
        inst_data: ConfigurableClassData | None = None,
        client_factory: ClientFactory | None = None,
        pool: WaitPool | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Dagster's.
        self.config = config or LauncherConfig()
        self.inner = inner
        self._inst_data = inst_data
        clients = Clients(
            self.config.aws,
            self.config.connect_timeout_seconds,
            self.config.max_concurrent_waits,
            client_factory or self.make_client,
        )
        self._pool = pool or process_pool()
        self._dispatcher = Dispatcher(self.config, clients, self._pool, type(self))

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Where Dagster found the configuration."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The schema of ``run_launcher.config``."""
        return config_schema()

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> LambdaRunLauncher:
        """Dagster's way to make a launcher of its configuration."""
        inner = config_value.get("inner")
        return cls(
            LauncherConfig.of(config_value),
            rehydrate(inner) if inner else None,
            inst_data,
        )

    def register_instance(self, instance: DagsterInstance) -> None:
        """Called by Dagster once, before anything else."""
        super().register_instance(instance)
        if self.inner is not None and not self.inner.has_instance:
            self.inner.register_instance(instance)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Hand a run to its function. What AWS says to it is reported, not raised.

        Args:
            context: The run. The workspace is not needed.

        Raises:
            DagsterLaunchFailedError: The run can't be launched as its tags and the configuration
                have it. Nothing was invoked.
        """
        run = context.dagster_run
        if inner := self._inner_of(run):
            inner.launch_run(context)
            return
        try:
            driver = self._dispatcher.prepare(self._instance, run)
        except (SettingsError, BotoCoreError, ClientError) as error:
            raise launch_failed(
                f"Run {run.run_id} of {run.job_name} can't be launched on Lambda: {redacted(error)}"
            ) from None  # Dagster shows causes too, and those may quote credentials.
        self._dispatcher.launch(driver, launch_notes(self._instance, run, driver.launch))

    def terminate(self, run_id: str) -> bool:
        """Stop a run; it is CANCELING or CANCELED when this returns, which takes no request to AWS.

        Args:
            run_id: The run.

        Returns:
            Whether it will be canceled; false if it has ended already. A plain function can't be
            stopped: its run is CANCELED when it answers.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if inner := self._inner_of(run):
            return inner.terminate(run_id)
        return cancel(self._instance, run_id, self._dispatcher)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: run monitoring finds runs whose waiting process is gone."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether somebody waits for a run; what nobody waits for is attached to, or failed.

        Args:
            run: A run that has not ended.
        """
        if inner := self._inner_of(run):
            if inner.supports_check_run_worker_health:
                return inner.check_run_worker_health(run)
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its launcher can't tell")
        try:
            return check_health(self._instance, run.run_id, self._dispatcher)
        except SettingsError as error:
            return CheckRunHealthResult(WorkerStatus.FAILED, str(error))
        except (BotoCoreError, ClientError) as error:
            # The run is where it is, whether or not AWS can be reached now. Dagster would fail it
            # for any other status.
            return CheckRunHealthResult(WorkerStatus.RUNNING, redacted(error), transient=True)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Where to look for what became of a run."""
        if inner := self._inner_of(run):
            return inner.get_run_worker_debug_info(run, include_container_logs)
        facts = {
            "Function": run.tags.get(tags.FUNCTION),
            "Request id": run.tags.get(tags.REQUEST_ID),
            "Waited for by": RunLease.from_tag(run.tags.get(tags.WAITER), run.run_id),
        }
        return "\n".join(f"{name}: {value}" for name, value in facts.items() if value) or None

    @property
    def supports_resume_run(self) -> bool:
        """Whether the inner launcher does. Runs on Lambda go on by the health check alone."""
        return self.inner is not None and self.inner.supports_resume_run

    def resume_run(self, context: ResumeRunContext) -> None:
        """Resume a run of the inner launcher.

        Raises:
            DagsterLaunchFailedError: It ran on Lambda, and may have done its work.
        """
        inner = self._inner_of(context.dagster_run)
        if inner is None:
            raise launch_failed(
                f"Run {context.dagster_run.run_id} is not resumed: its function may have done its "
                "work. Launch it again if it may be done twice"
            )
        inner.resume_run(context)

    def dispose(self) -> None:
        """Wait for the answers that are still out, at most ``shutdown_timeout_seconds``.

        A second Ctrl-C ends the process without them; run monitoring then has the runs.
        """
        if self.inner is not None:
            self.inner.dispose()
        if waiting := self._pool.join(self._dispatcher.run_ids, 0):
            logger.warning(
                "waiting up to %s s for runs on Lambda; interrupt again not to: %s",
                self.config.shutdown_timeout_seconds,
                ", ".join(sorted(waiting)),
            )
            for run_id in self._pool.join(waiting, self.config.shutdown_timeout_seconds):
                logger.warning("run %s is left to run monitoring", run_id)

    def join(self, timeout: int = 30) -> None:
        """Wait for the runs that this launcher launched.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: They are not done.
        """
        if self.inner is not None:
            self.inner.join(timeout)
        if left := self._pool.join(self._dispatcher.run_ids, timeout):
            raise TimeoutError(f"not done after {timeout} s: {', '.join(left)}")

    def _inner_of(self, run: DagsterRun) -> RunLauncher[DagsterInstance] | None:
        return None if tags.is_for_lambda(run.tags) else self.inner
