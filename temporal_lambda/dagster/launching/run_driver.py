"""Drives one run, from its first invocation to its last report."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Literal

from dagster import DagsterInstance

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.between_invocations import BetweenInvocations
from temporal_lambda.dagster.launching.claim import Claim
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.invoke import Answer, InvokeError, invoke
from temporal_lambda.dagster.launching.lease import Phase
from temporal_lambda.dagster.launching.live_steps import LiveSteps
from temporal_lambda.dagster.launching.outcome import OF_THE_RUN, Outcome, interpret_answer
from temporal_lambda.dagster.launching.payload import with_events_after
from temporal_lambda.dagster.launching.replay_answer import replay_answer
from temporal_lambda.dagster.launching.run_end import is_canceling, report_end
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.launching.wait_pool import WaitPool
from temporal_lambda.dagster.launching.workflow_cancel import WorkflowCancel

logger = logging.getLogger("temporal_lambda.dagster.launching.conduct")


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
        on_accepted: Called when AWS has accepted a durable run that nobody waits for.
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
        on_accepted: Callable[[DagsterInstance, str, Launch], object] = lambda *_: None,
    ) -> None:
        self.run_id = run_id
        self.launch = launch
        self._payload = payload
        self._clients = clients
        self._config = config
        self._pool = pool
        # Whether a workflow may be at work, which goes on whatever becomes of an invocation.
        self._begun = phase == "invoked"
        self._lock = threading.Lock()
        # Set as long as no invocation is under way.
        self._idle = threading.Event()
        self._idle.set()
        self._to_be_canceled = threading.Event()
        self._canceling: threading.Thread | None = None
        self._workflow_cancel = WorkflowCancel(clients, config, run_id)
        self._on_accepted = partial(on_accepted, instance, run_id)
        self._stack, self._context = ExitStack(), copy_context()
        if not instance.is_ephemeral:
            own = DagsterInstance.from_ref(instance.get_ref())
            # An instance that is entered is the context's own, and this one is closed elsewhere.
            instance = self._context.run(self._stack.enter_context, own)
        self.event_log = RunEventLog(instance, run_id, launcher)
        self._claim = Claim(self.event_log, run_id, phase)

    def announce(self) -> None:
        """Tag the run with its function and this process's lease."""
        self._claim.announce(self.launch.function)

    def tend(self) -> None:
        """See base class."""
        run = self.event_log.current_run()
        if run is not None and self._claim.is_taken_over(run):
            return
        if run is not None and not run.is_finished:
            self._claim.renew_if_due()
        if run is None or run.is_finished:
            self.cancel()
        elif is_canceling(run):
            self._leave_line()
            self.cancel()

    def _leave_line(self) -> None:
        with self._pool.run_lock(self.run_id):
            if self._pool.in_line(self.run_id):
                self.event_log.canceled("Canceled before the function was invoked.")
                self._pool.withdraw(self.run_id)

    def cancel(self) -> None:
        """See base class."""
        self._to_be_canceled.set()
        with self._lock:
            # Between two invocations, the next step cancels.
            if self._lasts and not self._idle.is_set() and self._canceling is None:
                self._canceling = threading.Thread(
                    target=self._workflow_cancel.until_delivered,
                    args=(self.launch, self._idle),
                    name=f"lambda-cancel-{self.run_id[:8]}",
                    daemon=True,
                )
                self._canceling.start()

    def close(self) -> None:
        """Close the instance."""
        self._context.run(self._stack.close)

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
        between = BetweenInvocations(self.event_log, self.launch.function)
        while (step := self._next_step()) != "leave":
            if step == "cancel":
                self._cancel_workflow()
                return
            begun = time.monotonic()
            outcome = self._invoke()
            if outcome is None:
                return
            if outcome.kind == "withdrawn":
                continue
            self._replay(outcome)
            if outcome.kind == "died" and self.launch.durable and between.may_lose_another:
                seconds = between.after_loss(outcome)
            elif outcome.kind == "running":
                self._note_workflow(outcome)
                lasted, quiet = time.monotonic() - begun, self._to_be_canceled.is_set()
                seconds = between.after_answer(outcome, lasted, quiet=quiet)
            else:
                report_end(self.event_log, self.launch, outcome)
                return
            self._begun = True
            self._to_be_canceled.wait(seconds)

    def _next_step(self) -> Literal["invoke", "cancel", "leave"]:
        with self._pool.run_lock(self.run_id):
            run = self.event_log.current_run()
            if run is not None and self._claim.is_taken_over(run):
                return "leave"
            ended = run is None or run.is_finished
            if ended or is_canceling(run):
                if self._lasts:
                    # Whoever ended the run: its workflow must not go on.
                    return "cancel"
                if not ended:
                    self.event_log.canceled(self._stopped())
                return "leave"
            return "invoke" if self._claim.enter("invoked") else "leave"

    @property
    def _lasts(self) -> bool:
        """Whether a workflow may be at work, or will be, for all that is known."""
        return self.launch.durable and self._claim.phase != "queued"

    def _cancel_workflow(self) -> None:
        outcome = self._workflow_cancel.until_settled(
            self.launch, self.event_log.late_note, self._claim.is_ours
        )
        if outcome is not None:
            self._replay(outcome)
            report_end(self.event_log, self.launch, outcome)

    def _replay(self, outcome: Outcome) -> None:
        ask = (self._clients, self._config, self.launch, self.run_id)
        replay_answer(outcome, self.event_log, *ask)

    def _refused(self) -> None:
        """AWS throttles: the run was not invoked, so it can be withdrawn or taken over."""
        if not self._begun:
            self._claim.enter("queued")

    def _again(self) -> bool:
        """Whether to try again what AWS has refused."""
        with self._pool.run_lock(self.run_id):
            run = self._claim.open_run()
            if run is None or is_canceling(run):
                return False
            return self._claim.enter("invoked")

    def _note_workflow(self, outcome: Outcome) -> None:
        if outcome.workflow_id and not self.launch.durable:
            # The function knows better than the tags, and the health check has to know it too.
            self.launch = replace(self.launch, durable=True)
            self.event_log.tag(tags.DURABLE, "true")

    def _stopped(self) -> str:
        if self._claim.phase == "queued":
            return "Canceled before the function was invoked."
        if self._claim.phase == "accepted":
            return f"Canceled in Dagster alone: {self.launch.function} may still do the run."
        return f"Canceled between two invocations: {self.launch.function} is not invoked again."

    def _invoke(self) -> Outcome | None:
        """One invocation; ``None`` if that was all there is to do."""
        launch, payload = self.launch, self._payload
        if launch.run_code:
            payload = with_events_after(payload, self.event_log.events_after)
        self._idle.clear()
        try:
            client = self._clients.to_invoke(
                launch.function, launch.region, self._config.read_timeout_seconds
            )
            with LiveSteps(self._clients, self._config, launch, self.run_id, self.event_log):
                answer = invoke(
                    client,
                    launch.function,
                    payload,
                    launch.invocation_type,
                    self._config.throttle_timeout_seconds,
                    keep_trying=self._again,
                    refused=self._refused,
                    sleep=self._to_be_canceled.wait,
                )
        except InvokeError as error:
            if self._claim.phase == "queued":
                # It was given up while it was throttled; the next step tells why.
                return Outcome("withdrawn")
            return self._unanswered(error)
        finally:
            self._invocation_is_over()
        self.event_log.answered(launch.function, answer)
        if launch.invocation_type == "Event":
            return self._accepted(answer)
        strict = self._config.fail_on_error_status or launch.durable
        return self._lasting(interpret_answer(answer, self.run_id, fail_on_error_status=strict))

    def _invocation_is_over(self) -> None:
        self._idle.set()
        with self._lock:
            canceling, self._canceling = self._canceling, None
        if canceling:
            canceling.join()

    def _unanswered(self, error: InvokeError) -> Outcome:
        lasts = self.launch.durable and self._begun
        return Outcome("died" if error.may_have_run or lasts else "failed", str(error))

    def _lasting(self, outcome: Outcome) -> Outcome:
        """A workflow that has begun does not end with the trouble of one invocation."""
        if not (self.launch.durable and self._begun and outcome.raised):
            return outcome
        return outcome if outcome.error_type in OF_THE_RUN else replace(outcome, kind="died")

    def _accepted(self, answer: Answer) -> Outcome | None:
        try:
            self._claim.enter("accepted")
        except Exception:
            # AWS has the Event, whatever Dagster knows of it.
            logger.exception("run %s can't be tagged as accepted", self.run_id)
        what = f"AWS has accepted the run for {self.launch.function}"
        metadata = {"Request id": answer.request_id}
        run = self.event_log.current_run()
        if run is None or run.is_finished or is_canceling(run):
            self.event_log.late_note(f"{what}, and may still begin it.", metadata)
            # As if it had answered so: the next step cancels.
            return Outcome("running")
        if self.launch.durable:
            self.event_log.note(f"{what}; the run ends as its workflow ends.", metadata)
            self._on_accepted(self.launch)
        elif self.launch.external:
            self.event_log.note(f"{what}; it is left to be finished from outside.", metadata)
        else:
            self.event_log.note(f"{what}; accepted, not awaited.", metadata)
            self.event_log.succeeded(f"{what}: accepted, not awaited.")
        return None
