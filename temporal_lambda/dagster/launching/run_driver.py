"""Drives one run, from its first invocation to its last report."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from time import sleep as pause

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.invoke import Answer, InvokeError, invoke
from temporal_lambda.dagster.launching.lease import Phase, RunLease
from temporal_lambda.dagster.launching.live_steps import LiveSteps
from temporal_lambda.dagster.launching.outcome import OF_THE_RUN, Outcome, interpret_answer
from temporal_lambda.dagster.launching.run_requests import request_cancel_or_status
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.launching.wait_pool import WaitPool
from temporal_lambda.dagster.protocol import NOT_FOUND

logger = logging.getLogger("temporal_lambda.dagster.launching.conduct")

PAUSE_SECONDS = 1.0
"""Between an invocation that was not done and the next."""

PINNED_PAUSE_SECONDS = 10.0
"""Before the first further invocation where another build has to go on with the run; it doubles."""

PINNED_LONGEST_SECONDS = 60.0
"""Between two invocations at most, while another build has to go on with the run."""

MAX_DEATHS = 3
"""How many invocations of a durable run may be lost in a row, with ever longer pauses."""


class RunDriver:
    """Invokes the function of a run, as often as the run needs it, and reports.

    It has a Dagster instance of its own: that of the launcher may be closed before the function
    is done.

    Args:
        instance: The launcher's instance.
        run_id: The run.
        launch: How it is launched.
        payload: What is sent.
        clients: Lambda clients.
        config: The launcher's configuration.
        pool: Runs this; has the run's lock.
        launcher: The launcher's class, for the event log.
        phase: ``invoked`` if this goes on where another process ended.
    """

    def __init__(
        self,
        instance: DagsterInstance,
        run_id: str,
        launch: Launch,
        payload: bytes,
        clients: Clients,
        config: LauncherConfig,
        pool: WaitPool,
        launcher: type[object],
        phase: Phase = "queued",
    ) -> None:
        self.run_id = run_id
        self.launch = launch
        self._payload = payload
        self._clients = clients
        self._config = config
        self._pool = pool
        self._lease = RunLease.here(run_id, phase)
        # Whether a workflow may be at work, which goes on whatever becomes of an invocation.
        self._begun = phase == "invoked"
        self._missed: set[str] = set()
        self._renewing = threading.Lock()
        self._stack = ExitStack()
        if not instance.is_ephemeral:
            own = DagsterInstance.from_ref(instance.get_ref())
            instance = self._stack.enter_context(own)
        self._instance = instance
        self.event_log = RunEventLog(instance, run_id, launcher)

    def announce(self) -> None:
        """Tag the run with this process's lease."""
        self._instance.add_run_tags(
            self.run_id,
            {tags.FUNCTION: self.launch.function, tags.WAITER: self._lease.tag()},
        )

    def renew(self) -> None:
        """Renew the lease, unless another process has taken the run over."""
        self._write_lease(None)

    def close(self) -> None:
        """Close the instance."""
        self._stack.close()

    def run(self) -> None:
        """Invoke and report. Nothing is raised: what fails is reported as the run's failure."""
        try:
            self._run()
        except Exception as error:
            logger.exception("run %s", self.run_id)
            self.event_log.failed(
                f"The launcher failed on {self.launch.function}: {type(error).__name__}: {error}"
            )

    def _run(self) -> None:
        lost = pinned = 0
        while run := self._next_invocation():
            canceling = run.status is DagsterRunStatus.CANCELING
            outcome = self._cancel() if canceling else self._invoke()
            if outcome is None:
                return
            if outcome.kind == "withdrawn":
                continue
            self.event_log.replay_steps(outcome.steps)
            if outcome.kind == "died" and self.launch.durable and lost < MAX_DEATHS:
                lost += 1
                self._begun = True
                self.event_log.note(
                    f"An invocation was lost; the run goes on in the next: {outcome.message}"
                )
            elif outcome.kind != "running":
                report_outcome(self.event_log, self.launch, outcome)
                return
            else:
                lost = 0
                self._begun = True
                self._goes_on(outcome, canceling)
            if outcome.pinned_to:
                pinned += 1
                pause(min(PINNED_PAUSE_SECONDS * 2 ** (pinned - 1), PINNED_LONGEST_SECONDS))
            else:
                pinned = 0
                pause(PAUSE_SECONDS * 3**lost)

    def _next_invocation(self) -> DagsterRun | None:
        """The run as it is before the next invocation; ``None`` if there is to be none."""
        with self._pool.run_lock(self.run_id):
            run = self._still_ours()
            if run is None:
                return None
            lasts = self.launch.durable and self._lease.phase == "invoked"
            if run.status is DagsterRunStatus.CANCELING and not lasts:
                self.event_log.canceled(self._stopped())
                return None
            return run if self._enter("invoked") else None

    def _refused(self) -> None:
        """AWS throttles: the run was not invoked, so it can be withdrawn or taken over."""
        if not self._begun:
            self._enter("queued")

    def _again(self) -> bool:
        """Whether to try again what AWS has refused."""
        with self._pool.run_lock(self.run_id):
            run = self._still_ours()
            if run is None or run.status is DagsterRunStatus.CANCELING:
                return False
            return self._enter("invoked")

    def _goes_on(self, outcome: Outcome, canceling: bool) -> None:
        if outcome.workflow_id and not self.launch.durable:
            # The function knows better than the tags, and the health check has to know it too.
            self.launch = replace(self.launch, durable=True)
            self.event_log.tag(tags.DURABLE, "true")
        if outcome.pinned_to and outcome.pinned_to not in self._missed:
            self._missed.add(outcome.pinned_to)
            self.event_log.note(
                f"Build {outcome.pinned_to} is needed to go on, and {self.launch.function} is "
                "another by now: use an alias or a version as the tag's function, or the worker "
                "controller."
            )
        elif not outcome.pinned_to and not canceling:
            self.event_log.note(
                f"{self.launch.function} had to end before the run did; it goes on in the next "
                "invocation."
            )

    def _stopped(self) -> str:
        if self._lease.phase == "queued":
            return "Canceled before the function was invoked."
        return f"Canceled between two invocations: {self.launch.function} is not invoked again."

    def _still_ours(self) -> DagsterRun | None:
        run = self.event_log.open_run()
        if run is None:
            return None
        lease = RunLease.from_tag(run.tags.get(tags.WAITER), self.run_id)
        if lease is not None and not self._lease.same_process(lease):
            # This process was taken for dead, perhaps after a long pause of its machine.
            logger.warning("run %s is now waited for by %s", self.run_id, lease)
            return None
        return run

    def _enter(self, phase: Phase) -> bool:
        """Go on to a phase; returns whether the run is still this process's."""
        return self._lease.phase == phase or self._write_lease(phase)

    def _write_lease(self, phase: Phase | None) -> bool:
        # Leases are renewed by another thread: the phase of a renewal is the one of this moment.
        with self._renewing:
            if self._still_ours() is None:
                return False
            self._lease = self._lease.renewed(phase)
            self.event_log.tag(tags.WAITER, self._lease.tag())
            return True

    def _invoke(self) -> Outcome | None:
        """One invocation; ``None`` if that was all there is to do."""
        launch = self.launch
        try:
            client = self._clients.to_invoke(
                launch.function, launch.region, self._config.read_timeout_seconds
            )
            with LiveSteps(self._clients, self._config, launch, self.run_id, self.event_log):
                answer = invoke(
                    client,
                    launch.function,
                    self._payload,
                    launch.invocation_type,
                    self._config.throttle_timeout_seconds,
                    keep_trying=self._again,
                    refused=self._refused,
                )
        except InvokeError as error:
            if self._lease.phase == "queued":
                # It was given up while it was throttled; the next step tells why.
                return Outcome("withdrawn")
            return self._unanswered(error)
        self.event_log.answered(launch.function, answer)
        if launch.invocation_type == "Event":
            self._accepted(answer)
            return None
        strict = self._config.fail_on_error_status or launch.durable
        return self._lasting(interpret_answer(answer, self.run_id, fail_on_error_status=strict))

    def _cancel(self) -> Outcome:
        try:
            outcome = request_cancel_or_status(
                self._clients, self._config, self.launch, self.run_id, "cancel"
            )
        except InvokeError as error:
            return self._unanswered(error)
        if outcome.status == NOT_FOUND:
            return Outcome("canceled", "nothing of the run is left")
        return self._lasting(outcome)

    def _unanswered(self, error: InvokeError) -> Outcome:
        lasts = self.launch.durable and self._begun
        return Outcome("died" if error.may_have_run or lasts else "failed", str(error))

    def _lasting(self, outcome: Outcome) -> Outcome:
        """A workflow that has begun does not end with the trouble of one invocation."""
        if not (self.launch.durable and self._begun and outcome.raised):
            return outcome
        return outcome if outcome.error_type in OF_THE_RUN else replace(outcome, kind="died")

    def _accepted(self, answer: Answer) -> None:
        try:
            self._enter("accepted")
        except Exception:
            # AWS has the Event, whatever Dagster knows of it.
            logger.exception("run %s can't be tagged as accepted", self.run_id)
        what = f"AWS has accepted the run for {self.launch.function}"
        metadata = {"Request id": answer.request_id}
        if self.launch.external:
            self.event_log.note(f"{what}; it is left to be finished from outside.", metadata)
        else:
            self.event_log.note(f"{what}; accepted, not awaited.", metadata)
            self.event_log.succeeded(f"{what}: accepted, not awaited.")


def report_outcome(event_log: RunEventLog, launch: Launch, outcome: Outcome) -> None:
    """Report a run's end.

    Args:
        event_log: Of the run.
        launch: How it was launched.
        outcome: Anything but ``running``.
    """
    if outcome.kind == "success":
        event_log.succeeded(f"{launch.function} has done the run.", outcome)
    elif outcome.kind == "canceled":
        event_log.canceled(f"{launch.function}: {outcome.message}.")
    elif outcome.kind == "died" and launch.durable:
        event_log.failed(
            f"{launch.function}: {outcome.message}. This happened several times in a row; the "
            "workflow may still be running",
            outcome,
        )
    else:
        event_log.failed(f"{launch.function}: {outcome.message}", outcome)
