"""Canceling the workflow of a durable run, however long its function can't be reached."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.direct_cancel import DirectCancelError, cancel_workflow
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.outcome import OF_THE_RUN, Outcome
from temporal_lambda.dagster.launching.run_requests import request_cancel_or_status
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.protocol import NOT_FOUND

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
"""Between a cancel request that settled nothing and the next; it doubles from there."""

LONGEST_PAUSE_SECONDS = 60.0
"""Between two cancel requests at most."""

LONGEST_UNANSWERED_PAUSE_SECONDS = 5.0
"""After a request that nobody answered: a busy function may be free for moments only."""

PATIENCE_SECONDS = 3600.0
"""How long a workflow is asked to end."""


@dataclass
class WorkflowCancel:
    """Sends cancel requests for one run.

    Args:
        clients: Lambda clients.
        config: The launcher's configuration.
        run_id: The run.
    """

    clients: Clients
    config: LauncherConfig
    run_id: str
    _delivered: bool = field(default=False, init=False)

    def until_delivered(self, launch: Launch, over: threading.Event) -> None:
        """Send requests until one is answered by somebody who knows the run.

        Args:
            launch: How the run was launched.
            over: Ends this: no invocation is under way any more, so ``until_settled`` follows.
        """
        pause = FIRST_PAUSE_SECONDS
        while not over.is_set():
            if self._cancel_directly():
                return
            outcome = self._request(launch)
            if outcome.kind != "died" and outcome.status != NOT_FOUND:
                return
            over.wait(pause)
            pause = min(2 * pause, LONGEST_UNANSWERED_PAUSE_SECONDS)

    def until_settled(
        self, launch: Launch, note: Callable[[str], object], ours: Callable[[], bool]
    ) -> Outcome | None:
        """Send requests until the workflow has ended. No invocation of it is under way.

        Args:
            launch: How the run was launched.
            note: Called once with what delays it.
            ours: Whether this process still has to; asked before each request but the first.

        Returns:
            What became of the workflow; ``died`` if that could not be learned in time; ``None`` if
            it is another process's by now.
        """
        gives_up = time.monotonic() + PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        noted = False
        while True:
            self._cancel_directly()
            outcome = self._request(launch)
            lost = outcome.status == NOT_FOUND
            if lost and launch.invocation_type != "Event":
                return Outcome("canceled", "nothing of the run is left")
            # Of an Event, AWS may begin the run yet.
            if outcome.kind not in ("running", "died") and not lost:
                return outcome
            if time.monotonic() > gives_up:
                late = "the run never began" if lost else outcome.message or "it is still running"
                return replace(outcome, kind="canceled" if lost else "died", message=late)
            if not noted:
                noted = True
                note(
                    f"{launch.function} was asked to cancel the run, and is asked again until it "
                    f"has: {_unsettled(outcome)}"
                )
            time.sleep(pause)
            unanswered = outcome.kind == "died"
            longest = LONGEST_UNANSWERED_PAUSE_SECONDS if unanswered else LONGEST_PAUSE_SECONDS
            pause = min(2 * pause, longest)
            if not ours():
                return None

    def _cancel_directly(self) -> bool:
        """Whether the server itself has taken a request, now or before."""
        temporal = self.config.temporal
        if temporal is not None and not self._delivered:
            try:
                cancel_workflow(temporal, self.run_id, self.config.cancel_timeout_seconds)
                self._delivered = True
            except DirectCancelError as error:
                logger.warning(
                    "run %s: Temporal can't be asked to cancel its workflow: %s", self.run_id, error
                )
        return self._delivered

    def _request(self, launch: Launch) -> Outcome:
        try:
            outcome = request_cancel_or_status(
                self.clients, self.config, launch, self.run_id, "cancel"
            )
        except InvokeError as error:
            return Outcome("died", str(error))
        # A workflow does not end with the trouble of one invocation.
        trouble = outcome.raised and outcome.error_type not in OF_THE_RUN
        return replace(outcome, kind="died") if trouble else outcome


def _unsettled(outcome: Outcome) -> str:
    if outcome.status == NOT_FOUND:
        return "it does not know the run yet"
    return outcome.message or "the workflow has not ended yet"
