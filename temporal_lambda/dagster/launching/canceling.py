"""Stopping a run: it is CANCELING at once, and who waits for it does the rest."""

from __future__ import annotations

import time

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.dispatcher import Dispatcher
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.lease import RunLease
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.errors import SettingsError


def cancel(instance: DagsterInstance, run_id: str, dispatcher: Dispatcher) -> bool:
    """Stop a run. Nothing is awaited, and nothing is sent by the caller's thread.

    The run is CANCELING, or CANCELED, before this returns. A run that was not invoked never is. The
    workflow of a durable run is canceled by the process that waits for the run, or by this one if
    none does. A plain function goes on to its end, and then the run is CANCELED.

    Args:
        instance: Where the run is.
        run_id: The run.
        dispatcher: Has the runs of this process.

    Returns:
        Whether the run will be canceled; false if it has ended already.
    """
    event_log = dispatcher.event_log(instance, run_id)
    with dispatcher.pool.run_lock(run_id):
        run = event_log.open_run()
        if run is None:
            return False
        asked_before = run.status is DagsterRunStatus.CANCELING
        event_log.canceling()
        if dispatcher.pool.withdraw(run_id):
            event_log.canceled("Canceled before the function was invoked.")
            return True
    lease = RunLease.from_tag(run.tags.get(tags.WAITER), run_id)
    if driver := dispatcher.pool.held(run_id):
        driver.cancel()
    elif lease is None or not _somebody_waits(lease):
        _cancel_unattended(instance, run, lease, event_log, dispatcher)
        return True
    if not asked_before:
        function = run.tags.get(tags.FUNCTION, "the function")
        event_log.note(
            f"Canceling: {lease or 'this process'} waits for {function}, and sees to it."
        )
    return True


def _somebody_waits(lease: RunLease) -> bool:
    # This process would have held it.
    other = not lease.same_process(RunLease.here(lease.run_id))
    # One look has to do, whatever the clocks: two processes that cancel do no harm.
    return other and lease.phase != "accepted" and lease.alive(time.time())


def _cancel_unattended(
    instance: DagsterInstance,
    run: DagsterRun,
    lease: RunLease | None,
    event_log: RunEventLog,
    dispatcher: Dispatcher,
) -> None:
    if lease is not None and lease.phase == "queued":
        event_log.canceled("Canceled before the function was invoked.")
        return
    try:
        launch: Launch = tags.resolve(run.tags, dispatcher.config)
    except SettingsError as error:
        event_log.canceled(f"Canceled in Dagster alone; its function can't be asked: {error}")
        return
    if launch.durable:
        why = f"Canceling: nobody waits for {launch.function}, so this process asks it to."
        dispatcher.attach_to_cancel(instance, run, launch, why)
        return
    event_log.canceled(
        f"Canceled in Dagster alone: {launch.function} was handed the run, and AWS Lambda has no "
        "way to end an invocation. It may still do its work."
    )
