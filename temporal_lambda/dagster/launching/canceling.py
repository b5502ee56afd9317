"""Stopping a run: what can be stopped, and what is said of the rest."""

from __future__ import annotations

import time

from dagster import DagsterRun

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.ask import ask
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.conduct import PAUSE_SECONDS, report
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.outcome import Outcome
from temporal_lambda.dagster.launching.reports import Reports
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.launching.waiter import Waiter
from temporal_lambda.dagster.launching.waits import WAITS, step
from temporal_lambda.dagster.protocol import NOT_FOUND


def cancel(
    run: DagsterRun, launch: Launch, reports: Reports, clients: Clients, config: LauncherConfig
) -> bool:
    """Stop a run, if that is possible.

    A run that waits for its turn is simply not invoked. A durable run is canceled in Lambda; one
    that nobody waits for stays STARTED until the health check finds it canceled there. A
    plain function that has been invoked goes on to its end, whoever wants it to stop.

    Args:
        run: A run that has not ended.
        launch: How it was launched.
        reports: Of the run.
        clients: Lambda clients.
        config: The launcher's configuration.

    Returns:
        Whether it has stopped or is about to.
    """
    with step(run.run_id):
        now = reports.open_run() or run
        waiter = Waiter.from_tag(now.tags.get(tags.WAITER), run.run_id)
        if waiter and waiter.phase == "queued":
            reports.canceling()
            if WAITS.withdraw(run.run_id):
                reports.canceled("Canceled before the function was invoked.")
            # Otherwise whoever waits sees the status when it is the run's turn.
            return True
    if not launch.durable:
        reports.note(
            f"The run can't be stopped: {launch.function} has been invoked, and AWS Lambda has no "
            "way to end an invocation. Durable runs can be canceled (tag lambda/durable)."
        )
        return False
    # Nobody looks after an accepted run that is CANCELING, and AWS may deliver its Event yet.
    awaited = waiter is None or waiter.phase != "accepted"
    if awaited:
        reports.canceling()
    try:
        outcome = _settled(launch, run.run_id, clients, config)
    except InvokeError as error:
        reports.note(f"There is no answer to the cancel request (yet): {error}")
        return error.may_have_run
    if outcome.kind == "running":
        reports.note(f"{launch.function} is canceling the run.")
        return True
    if outcome.status == NOT_FOUND and awaited:
        reports.note(
            f"{launch.function} does not know the run (yet); it is canceled after this invocation."
        )
        return True
    if outcome.status == NOT_FOUND:
        reports.note(f"{launch.function} does not know the run (yet), so nothing was canceled.")
        return False
    report(reports, launch, outcome)
    return outcome.kind == "canceled"


def _settled(launch: Launch, run_id: str, clients: Clients, config: LauncherConfig) -> Outcome:
    """The answer once it says more than that it is not done, or not begun; or the last one."""
    deadline = time.monotonic() + config.cancel_timeout_seconds
    while True:
        outcome = ask(clients, config, launch, run_id, "cancel")
        unsettled = outcome.kind == "running" or outcome.status == NOT_FOUND
        if not unsettled or time.monotonic() + PAUSE_SECONDS > deadline:
            return outcome
        time.sleep(PAUSE_SECONDS)
