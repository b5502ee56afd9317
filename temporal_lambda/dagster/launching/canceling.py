"""Stopping a run: what can be stopped, and what is noted otherwise."""

from __future__ import annotations

import time

from dagster import DagsterRun

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.dispatcher import Dispatcher
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.lease import RunLease
from temporal_lambda.dagster.launching.outcome import Outcome
from temporal_lambda.dagster.launching.run_driver import PAUSE_SECONDS, report_outcome
from temporal_lambda.dagster.launching.run_requests import request_cancel_or_status
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.protocol import NOT_FOUND


def cancel(run: DagsterRun, launch: Launch, event_log: RunEventLog, dispatcher: Dispatcher) -> bool:
    """Stop a run, if that is possible.

    A run that waits for its turn is simply not invoked. A durable run is canceled in Lambda; one
    that nobody waits for stays STARTED until the health check finds it canceled there. A
    plain function that has been invoked goes on to its end, whoever wants it to stop.

    Args:
        run: A run that has not ended.
        launch: How it was launched.
        event_log: Of the run.
        dispatcher: Has the runs of this process.

    Returns:
        Whether it has stopped or is about to.
    """
    with dispatcher.pool.run_lock(run.run_id):
        now = event_log.open_run() or run
        lease = RunLease.from_tag(now.tags.get(tags.WAITER), run.run_id)
        if lease and lease.phase == "queued":
            event_log.canceling()
            if dispatcher.pool.withdraw(run.run_id):
                event_log.canceled("Canceled before the function was invoked.")
            # Otherwise whoever waits sees the status when it is the run's turn.
            return True
    if not launch.durable:
        event_log.note(
            f"The run can't be stopped: {launch.function} has been invoked, and AWS Lambda has no "
            "way to end an invocation. Durable runs can be canceled (tag lambda/durable)."
        )
        return False
    # Nobody looks after an accepted run that is CANCELING, and AWS may deliver its Event yet.
    awaited = lease is None or lease.phase != "accepted"
    if awaited:
        event_log.canceling()
    try:
        outcome = _settled(launch, run.run_id, dispatcher)
    except InvokeError as error:
        event_log.note(f"There is no answer to the cancel request (yet): {error}")
        return error.may_have_run
    if outcome.kind == "running":
        event_log.note(f"{launch.function} is canceling the run.")
        return True
    if outcome.status == NOT_FOUND and awaited:
        event_log.note(
            f"{launch.function} does not know the run (yet); it is canceled after this invocation."
        )
        return True
    if outcome.status == NOT_FOUND:
        event_log.note(f"{launch.function} does not know the run (yet), so nothing was canceled.")
        return False
    report_outcome(event_log, launch, outcome)
    return outcome.kind == "canceled"


def _settled(launch: Launch, run_id: str, dispatcher: Dispatcher) -> Outcome:
    """The answer once it says more than that it is not done, or not begun; or the last one."""
    deadline = time.monotonic() + dispatcher.config.cancel_timeout_seconds
    while True:
        outcome = request_cancel_or_status(
            dispatcher.clients, dispatcher.config, launch, run_id, "cancel"
        )
        unsettled = outcome.kind == "running" or outcome.status == NOT_FOUND
        if not unsettled or time.monotonic() + PAUSE_SECONDS > deadline:
            return outcome
        time.sleep(PAUSE_SECONDS)
