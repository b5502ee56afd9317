"""Shows the steps of a durable run while its function is still at work."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.run_requests import request_cancel_or_status
from temporal_lambda.dagster.launching.tags import Launch

logger = logging.getLogger(__name__)

GROWTH = 1.5
"""How much longer each pause is than the one before it."""

LONGEST_PAUSE_SECONDS = 60.0
"""Seconds between two questions at most; each is an invocation of some 100 ms."""

JOIN_SECONDS = 5.0
"""How long a question that is still out is waited for when the run's own answer is there."""


class LiveSteps:
    """A context in which the function is asked for the steps of a run, at growing intervals.

    A question that is throttled, or not answered, is not repeated: the next one comes anyway.

    Args:
        clients: Lambda clients.
        config: Says how often (``steps_interval_seconds``; 0 for never).
        launch: How the run was launched; other than durable ones are not asked for.
        run_id: The run.
        event_log: Of the run.
    """

    def __init__(
        self,
        clients: Clients,
        config: LauncherConfig,
        launch: Launch,
        run_id: str,
        event_log: RunEventLog,
    ) -> None:
        self._clients = clients
        self._config = config
        self._launch = launch
        self._run_id = run_id
        self._event_log = event_log
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> LiveSteps:
        waits = self._launch.invocation_type == "RequestResponse"
        if self._launch.durable and waits and self._config.steps_interval_seconds:
            name = f"lambda-steps-{self._run_id[:8]}"
            self._thread = threading.Thread(target=self._ask, name=name, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread:
            self._thread.join(JOIN_SECONDS)

    def _ask(self) -> None:
        pause = float(self._config.steps_interval_seconds)
        while not self._done.wait(pause):
            pause = min(pause * GROWTH, LONGEST_PAUSE_SECONDS)
            try:
                self._ask_once()
            except InvokeError as error:
                logger.debug("run %s: its steps can't be asked for now: %s", self._run_id, error)
            except Exception:
                logger.exception("run %s: its steps can't be asked for", self._run_id)
                return

    def _ask_once(self) -> None:
        after = self._event_log.events_after if self._launch.run_code else None
        outcome = request_cancel_or_status(
            self._clients,
            self._config,
            self._launch,
            self._run_id,
            "status",
            patience_seconds=0,
            events_after=after,
        )
        if outcome.kind == "running" and not self._done.is_set():
            self._event_log.replay(outcome)
