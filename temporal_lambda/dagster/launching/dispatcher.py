"""From a run to the thread that drives it: what a launch needs, and the launch itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone

from dagster import DagsterInstance, DagsterRun

from temporal_lambda.dagster.launching import payload, run_facts, tags
from temporal_lambda.dagster.launching.accepted_runs import process_accepted_runs
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.lease import Phase
from temporal_lambda.dagster.launching.run_driver import RunDriver
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.launching.wait_pool import WaitPool

EVENT_THREADS = 10
"""Event invocations under way at once; each takes milliseconds, unless AWS throttles."""


CANCEL_LANE = "cancel"
"""Lane of the runs that nobody waited for and that are to be canceled."""

CANCEL_THREADS = 10
"""Such runs that are canceled at once; each takes a request or more."""


class Dispatcher:
    """Hands runs to the threads of this process.

    Args:
        config: The launcher's configuration.
        clients: Lambda clients.
        pool: Threads, and the runs that this process waits for.
        launcher: The launcher's class, for the event log.
    """

    def __init__(
        self, config: LauncherConfig, clients: Clients, pool: WaitPool, launcher: type[object]
    ) -> None:
        self.config = config
        self.clients = clients
        self.pool = pool
        self.accepted = process_accepted_runs()
        self._launcher = launcher
        self._run_ids: set[str] = set()

    @property
    def run_ids(self) -> Collection[str]:
        """The runs that were handed over here, and may still be waited for."""
        return tuple(self._run_ids)

    def event_log(self, instance: DagsterInstance, run_id: str) -> RunEventLog:
        """The event log of a run."""
        return RunEventLog(instance, run_id, self._launcher)

    def prepare(
        self, instance: DagsterInstance, run: DagsterRun, phase: Phase = "queued"
    ) -> RunDriver:
        """Check a run, and everything its launch needs.

        Args:
            instance: Where the run is.
            run: The run.
            phase: ``invoked`` if another process has invoked its function already.

        Returns:
            What will drive the run; nothing has been reported or invoked yet.

        Raises:
            SettingsError: The run can't be launched as its tags and the configuration have it.
            botocore.exceptions.BotoCoreError: There is no client for Lambda.
            botocore.exceptions.ClientError: AWS refuses the role that functions are invoked under.
        """
        launch = tags.resolve(run.tags, self.config)
        facts = run_facts.collect_run_facts(instance, run, self.config, run_code=launch.run_code)
        data = payload.build(launch, facts, datetime.now(timezone.utc))
        payload.check_size(data, self._payload_limit(launch), launch)
        self.clients.get(launch.region, self.config.read_timeout_seconds)
        return self._driver(instance, run.run_id, launch, data, phase)

    def launch(self, driver: RunDriver, notes: dict[str, str]) -> None:
        """Start a run: it is STARTED from here on, and its function will be invoked.

        Args:
            driver: What ``prepare`` returned.
            notes: Added to what the event log says of the launch.
        """
        launch = driver.launch
        self.pool.hold(driver)
        try:
            driver.announce()
            driver.event_log.note(
                f"Launching the run on AWS Lambda: {launch.function}",
                {**launch.described(), **notes},
            )
            driver.event_log.started()
        except BaseException:
            self.pool.drop(driver)
            raise
        self._submit(driver)

    def attach(self, instance: DagsterInstance, run: DagsterRun, phase: Phase, why: str) -> None:
        """Take over a run whose process is gone.

        Args:
            instance: Where the run is.
            run: The run.
            phase: How far the other process came.
            why: For the event log.

        Raises:
            SettingsError: See ``prepare``.
            botocore.exceptions.BotoCoreError: See ``prepare``.
            botocore.exceptions.ClientError: See ``prepare``.
        """
        driver = self.prepare(instance, run, phase)
        self._begin(driver, why)
        self._submit(driver)

    def attach_to_cancel(
        self, instance: DagsterInstance, run: DagsterRun, launch: Launch, why: str
    ) -> None:
        """Cancel the workflow of a run that nobody waits for, and report how it ended.

        Args:
            instance: Where the run is.
            run: The run; it is CANCELING.
            launch: How it was launched.
            why: For the event log.
        """
        self.accepted.leave(run.run_id)
        # A run that is CANCELING is not invoked, so there is no payload.
        driver = self._driver(instance, run.run_id, launch, b"", "invoked")
        self._begin(driver, why)
        self.pool.submit(CANCEL_LANE, driver, CANCEL_THREADS)

    def watch(self, instance: DagsterInstance, run_id: str, launch: Launch) -> None:
        """Look after a durable run that AWS has accepted, until it has ended.

        Args:
            instance: Where the run is.
            run_id: The run.
            launch: How it was launched.
        """
        self.accepted.watch(instance, run_id, launch, self._cancel_ended)

    def _cancel_ended(
        self, instance: DagsterInstance, run_id: str, run: DagsterRun | None, launch: Launch
    ) -> None:
        driver = self._driver(instance, run_id, launch, b"", "invoked")
        if run is not None:
            driver.announce()
        self.pool.submit(CANCEL_LANE, driver, CANCEL_THREADS)

    def _begin(self, driver: RunDriver, why: str) -> None:
        self.pool.hold(driver)
        try:
            driver.announce()
            driver.event_log.note(why)
        except BaseException:
            self.pool.drop(driver)
            raise

    def _driver(
        self, instance: DagsterInstance, run_id: str, launch: Launch, data: bytes, phase: Phase
    ) -> RunDriver:
        return RunDriver(
            instance,
            run_id,
            launch,
            data,
            self.clients,
            self.config,
            self.pool,
            self._launcher,
            phase,
            self.watch,
        )

    def _submit(self, driver: RunDriver) -> None:
        self._run_ids.difference_update(
            [run_id for run_id in self.run_ids if not self.pool.holds(run_id)]
        )
        self._run_ids.add(driver.run_id)
        lane = driver.launch.invocation_type
        limit = EVENT_THREADS if lane == "Event" else self.config.max_concurrent_waits
        self.pool.submit(lane, driver, limit)

    def _payload_limit(self, launch: Launch) -> int:
        if launch.invocation_type == "Event":
            return self.config.max_async_payload_bytes
        return self.config.max_sync_payload_bytes
