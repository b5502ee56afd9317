"""One run, from its first invocation to its last report."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from time import sleep as pause

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.ask import ask
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.invoke import Answer, InvokeError, invoke
from temporal_lambda.dagster.launching.outcome import OF_THE_RUN, Outcome, read
from temporal_lambda.dagster.launching.reports import Reports
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.launching.waiter import Phase, Waiter
from temporal_lambda.dagster.launching.waits import step
from temporal_lambda.dagster.protocol import NOT_FOUND

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Between an invocation that was not done and the next."""

PINNED_PAUSE_SECONDS = 10.0
"""The same where another build has to go on with the run; it doubles while that is so."""

PINNED_LONGEST_SECONDS = 60.0
"""Its limit."""

MAX_DEATHS = 3
"""How many invocations of a durable run may be lost in a row, with ever longer pauses."""


class Conduct:
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
        launcher: type[object],
        phase: Phase = "queued",
    ) -> None:
        self.run_id = run_id
        self.launch = launch
        self._payload = payload
        self._clients = clients
        self._config = config
        self._waiter = Waiter.here(run_id, phase)
        # Whether a workflow may be at work, which goes on whatever becomes of an invocation.
        self._begun = phase == "invoked"
        self._missed: set[str] = set()
        self._telling = threading.Lock()
        self._stack = ExitStack()
        if not instance.is_ephemeral:
            own = DagsterInstance.from_ref(instance.get_ref())
            instance = self._stack.enter_context(own)
        self._instance = instance
        self.reports = Reports(instance, run_id, launcher)

    def announce(self) -> None:
        """Leave this process's name with the run."""
        self._instance.add_run_tags(
            self.run_id,
            {tags.FUNCTION: self.launch.function, tags.WAITER: self._waiter.tag()},
        )

    def renew(self) -> None:
        """Tell that the run is still waited for, unless another process has taken it over."""
        self._tell(None)

    def close(self) -> None:
        """Close the instance."""
        self._stack.close()

    def run(self) -> None:
        """Invoke and report. Nothing is raised: the run is told instead."""
        try:
            self._run()
        except Exception as error:
            logger.exception("run %s", self.run_id)
            self.reports.failed(
                f"The launcher failed on {self.launch.function}: {type(error).__name__}: {error}"
            )

    def _run(self) -> None:
        lost = pinned = 0
        while run := self._step():
            canceling = run.status is DagsterRunStatus.CANCELING
            outcome = self._cancel() if canceling else self._ask()
            if outcome is None:
                return
            if outcome.kind == "withdrawn":
                continue
            if outcome.kind == "died" and self.launch.durable and lost < MAX_DEATHS:
                lost += 1
                self._begun = True
                self.reports.note(
                    f"An invocation was lost; the run goes on in the next: {outcome.message}"
                )
            elif outcome.kind != "running":
                report(self.reports, self.launch, outcome)
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

    def _step(self) -> DagsterRun | None:
        """Go on to the next invocation; ``None`` if there is none."""
        with step(self.run_id):
            run = self._still_ours()
            if run is None:
                return None
            lasts = self.launch.durable and self._waiter.phase == "invoked"
            if run.status is DagsterRunStatus.CANCELING and not lasts:
                self.reports.canceled(self._stopped())
                return None
            return run if self._enter("invoked") else None

    def _refused(self) -> None:
        """AWS throttles: what was not invoked can be withdrawn, and be invoked by another."""
        if not self._begun:
            self._enter("queued")

    def _again(self) -> bool:
        """Whether to try again what AWS has refused."""
        with step(self.run_id):
            run = self._still_ours()
            if run is None or run.status is DagsterRunStatus.CANCELING:
                return False
            return self._enter("invoked")

    def _goes_on(self, outcome: Outcome, canceling: bool) -> None:
        if outcome.workflow_id and not self.launch.durable:
            # The function knows better than the tags, and the health check has to know it too.
            self.launch = replace(self.launch, durable=True)
            self.reports.tag(tags.DURABLE, "true")
        if outcome.pinned_to and outcome.pinned_to not in self._missed:
            self._missed.add(outcome.pinned_to)
            self.reports.note(
                f"Build {outcome.pinned_to} is needed to go on, and {self.launch.function} is "
                "another by now: use an alias or a version as the tag's function, or the worker "
                "controller."
            )
        elif not outcome.pinned_to and not canceling:
            self.reports.note(
                f"{self.launch.function} had to end before the run did; it goes on in the next "
                "invocation."
            )

    def _stopped(self) -> str:
        if self._waiter.phase == "queued":
            return "Canceled before the function was invoked."
        return f"Canceled between two invocations: {self.launch.function} is not invoked again."

    def _still_ours(self) -> DagsterRun | None:
        run = self.reports.open_run()
        if run is None:
            return None
        waiter = Waiter.from_tag(run.tags.get(tags.WAITER), self.run_id)
        if waiter is not None and not self._waiter.same_process(waiter):
            # This process was taken for dead, perhaps after a long pause of its machine.
            logger.warning("run %s is now waited for by %s", self.run_id, waiter)
            return None
        return run

    def _enter(self, phase: Phase) -> bool:
        """Go on to a phase; whether this process may."""
        return self._waiter.phase == phase or self._tell(phase)

    def _tell(self, phase: Phase | None) -> bool:
        # Leases are renewed by another thread: the phase of a renewal is the one of this moment.
        with self._telling:
            if self._still_ours() is None:
                return False
            self._waiter = self._waiter.renewed(phase)
            self.reports.tag(tags.WAITER, self._waiter.tag())
            return True

    def _ask(self) -> Outcome | None:
        """One invocation; ``None`` if that was all there is to do."""
        launch = self.launch
        try:
            client = self._clients.to_invoke(
                launch.function, launch.region, self._config.read_timeout_seconds
            )
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
            if self._waiter.phase == "queued":
                # It was given up while it was throttled; the next step tells why.
                return Outcome("withdrawn")
            return self._unanswered(error)
        self.reports.answered(launch.function, answer)
        if launch.invocation_type == "Event":
            self._accepted(answer)
            return None
        strict = self._config.fail_on_error_status or launch.durable
        return self._lasting(read(answer, self.run_id, fail_on_error_status=strict))

    def _cancel(self) -> Outcome:
        try:
            outcome = ask(self._clients, self._config, self.launch, self.run_id, "cancel")
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
            self.reports.note(f"{what}; it is left to be finished from outside.", metadata)
        else:
            self.reports.note(f"{what}; accepted, not awaited.", metadata)
            self.reports.succeeded(f"{what}: accepted, not awaited.")


def report(reports: Reports, launch: Launch, outcome: Outcome) -> None:
    """Report a run's end.

    Args:
        reports: Of the run.
        launch: How it was launched.
        outcome: Anything but ``running``.
    """
    if outcome.kind == "success":
        reports.succeeded(f"{launch.function} has done the run.", outcome)
    elif outcome.kind == "canceled":
        reports.canceled(f"{launch.function}: {outcome.message}.")
    elif outcome.kind == "died" and launch.durable:
        reports.failed(
            f"{launch.function}: {outcome.message}. That was so several times in a row; the run's "
            "workflow may go on all the same",
            outcome,
        )
    else:
        reports.failed(f"{launch.function}: {outcome.message}", outcome)
