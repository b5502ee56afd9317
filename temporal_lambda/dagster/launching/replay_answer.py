"""Shows in the event log what an answer tells of a run, and asks for what it leaves out."""

from __future__ import annotations

import logging
from collections.abc import Callable

from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.outcome import RUN_FAILED, Outcome
from temporal_lambda.dagster.launching.run_requests import request_cancel_or_status
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.protocol import BAD_REQUEST, NOT_FOUND

logger = logging.getLogger(__name__)

MOST_UNANSWERED = 3
"""How often in a row the rest of a run's events is asked for in vain."""

NO_EVENTS = (
    "{function} tells no events of the run's steps, or not all of them. See its log, and whether "
    "it is made with run_dagster_code"
)

MOST_ANSWERS = 1_000
"""Answers that the rest of a run's events may take."""


def replay_answer(
    outcome: Outcome,
    event_log: RunEventLog,
    clients: Clients,
    config: LauncherConfig,
    launch: Launch,
    run_id: str,
) -> None:
    """Show what an answer tells of the steps. The run itself is not ended by this.

    Args:
        outcome: What an invocation came to.
        event_log: Of the run.
        clients: Lambda clients.
        config: The launcher's configuration.
        launch: How the run was launched.
        run_id: The run.
    """

    def ask() -> Outcome:
        after = event_log.events_after if launch.run_code else None
        return request_cancel_or_status(
            clients, config, launch, run_id, "status", events_after=after
        )

    if launch.durable and outcome.error_type == RUN_FAILED:
        # A handler that raises tells no more than that; its run's workflow can.
        outcome = _answered(ask, run_id) or outcome
    event_log.replay(outcome)
    ended = outcome.kind in ("success", "failed", "canceled")
    refused = outcome.raised or outcome.status in (BAD_REQUEST, NOT_FOUND)
    if not launch.run_code or refused:
        return
    missing = outcome.events is None and ended
    if not launch.durable:
        if missing:
            event_log.note(NO_EVENTS.format(function=launch.function))
        return
    for _ in range(MOST_ANSWERS):
        if not missing and not outcome.has_more_events:
            return
        before = event_log.events_after
        found = _answered(ask, run_id)
        if found is None or found.events is None:
            logger.error("run %s: some events of its steps can't be had", run_id)
            event_log.note(NO_EVENTS.format(function=launch.function))
            return
        outcome, missing = found, False
        event_log.replay(outcome)
        if event_log.events_after == before:
            return


def _answered(ask: Callable[[], Outcome], run_id: str) -> Outcome | None:
    for _ in range(MOST_UNANSWERED):
        try:
            return ask()
        except InvokeError as error:
            logger.warning("run %s: what became of its steps can't be asked: %s", run_id, error)
    return None
