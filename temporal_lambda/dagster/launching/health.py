"""Whether a run that has begun is still taken care of, and what to do if it isn't."""

from __future__ import annotations

import time

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from temporal_lambda.dagster.dagster_internals import CheckRunHealthResult, WorkerStatus
from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.dispatcher import Dispatcher
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.lease import RunLease, process_observer
from temporal_lambda.dagster.launching.outcome import OF_THE_RUN, interpret_answer
from temporal_lambda.dagster.launching.replay_answer import replay_answer
from temporal_lambda.dagster.launching.result_records import (
    RecordError,
    find_record,
    record_address,
)
from temporal_lambda.dagster.launching.run_end import report_end
from temporal_lambda.dagster.launching.run_requests import request_cancel_or_status
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.protocol import NOT_FOUND


def check_health(
    instance: DagsterInstance, run_id: str, dispatcher: Dispatcher
) -> CheckRunHealthResult:
    """Look after a run: one that nobody waits for is attached to where that is safe.

    Args:
        instance: Where the run is.
        run_id: The run.
        dispatcher: Takes over runs that nobody waits for.

    Returns:
        RUNNING while somebody waits, or the run will be finished from outside; FAILED if the
        process that waited is gone and the function may have done its work.

    Raises:
        SettingsError: The run's tags and the configuration don't fit together any more.
        botocore.exceptions.BotoCoreError: There is no client for Lambda at the moment.
        botocore.exceptions.ClientError: AWS refuses the role that functions are invoked under.
    """
    if dispatcher.pool.holds(run_id):
        return CheckRunHealthResult(WorkerStatus.RUNNING, "waited for by this process")
    # Read after that question: whoever waited may have finished in between.
    event_log = dispatcher.event_log(instance, run_id)
    run = event_log.open_run()
    if run is None or run.status is not DagsterRunStatus.STARTED:
        return CheckRunHealthResult(WorkerStatus.RUNNING, "the run has just changed")
    lease = RunLease.from_tag(run.tags.get(tags.WAITER), run_id)
    accepted = lease is not None and lease.phase == "accepted"
    if (
        lease
        and not accepted
        and process_observer().alive(lease)
        and not lease.same_process(RunLease.here(run_id))
    ):
        # Before the tags are read, which this process may no longer understand; that one did.
        return CheckRunHealthResult(WorkerStatus.RUNNING, f"waited for by {lease}")
    launch = tags.resolve(run.tags, dispatcher.config)
    if accepted:
        return _accepted(instance, run, launch, event_log, dispatcher)
    return _lost(instance, run, launch, lease, dispatcher)


def _lost(
    instance: DagsterInstance,
    run: DagsterRun,
    launch: Launch,
    lease: RunLease | None,
    dispatcher: Dispatcher,
) -> CheckRunHealthResult:
    who = str(lease) if lease else "a process that left no name"
    if lease and lease.phase == "queued":
        why = f"{who} is gone before it invoked {launch.function}; it is invoked now."
        dispatcher.attach(instance, run, "queued", why)
    elif launch.durable:
        why = f"{who} no longer waits for {launch.function}; the run is durable and attached to."
        dispatcher.attach(instance, run, "invoked", why)
    else:
        if found := _recorded(instance, run, launch, lease, dispatcher):
            return found
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"{who} waited for {launch.function} and is gone. The function was invoked, or was "
            "about to be, and may have done its work; see its log. It is not invoked again",
        )
    return CheckRunHealthResult(WorkerStatus.RUNNING, "waited for by this process from now on")


def _recorded(
    instance: DagsterInstance,
    run: DagsterRun,
    launch: Launch,
    lease: RunLease | None,
    dispatcher: Dispatcher,
) -> CheckRunHealthResult | None:
    """End a run by the answer that its function has left in S3; ``None`` if there will be none."""
    if not _leaves_record(launch, dispatcher):
        return None
    why = f"{lease or 'The process that waited'} is gone; {launch.function} left its answer."
    if found := _end_by_record(instance, run, launch, why, dispatcher):
        return found
    # The function was invoked while the lease was renewed, and can't run longer than an answer is
    # waited for.
    until = lease.until + dispatcher.config.read_timeout_seconds if lease else 0
    if time.time() < until:
        return CheckRunHealthResult(WorkerStatus.RUNNING, "its function may still be at work")
    return None


def _leaves_record(launch: Launch, dispatcher: Dispatcher) -> bool:
    # The other payloads don't say where.
    return dispatcher.config.result_records is not None and launch.payload_mode == "full"


def _end_by_record(
    instance: DagsterInstance, run: DagsterRun, launch: Launch, why: str, dispatcher: Dispatcher
) -> CheckRunHealthResult | None:
    config = dispatcher.config
    try:
        address = record_address(config.result_records or "", run.run_id)
        answer = find_record(dispatcher.clients, address)
    except RecordError as error:
        return CheckRunHealthResult(WorkerStatus.RUNNING, str(error), transient=True)
    if answer is None:
        return None
    strict = config.fail_on_error_status
    outcome = interpret_answer(answer, run.run_id, fail_on_error_status=strict)
    event_log = dispatcher.event_log(instance, run.run_id)
    event_log.note(why)
    event_log.replay(outcome)
    report_end(event_log, launch, outcome)
    return CheckRunHealthResult(WorkerStatus.SUCCESS, "done in Lambda")


def _accepted(
    instance: DagsterInstance,
    run: DagsterRun,
    launch: Launch,
    event_log: RunEventLog,
    dispatcher: Dispatcher,
) -> CheckRunHealthResult:
    if not launch.durable:
        return _external(instance, run, launch, dispatcher)
    dispatcher.watch(instance, run.run_id, launch)
    ask = (dispatcher.clients, dispatcher.config, launch, run.run_id)
    try:
        after = event_log.events_after if launch.run_code else None
        outcome = request_cancel_or_status(*ask, "status", events_after=after)
    except InvokeError as error:
        # The workflow is where it is, whether or not its function can be asked now.
        return CheckRunHealthResult(WorkerStatus.RUNNING, str(error), transient=True)
    replay_answer(outcome, event_log, *ask)
    if outcome.raised and outcome.error_type not in OF_THE_RUN:
        # The handler could not ask: Temporal may be out of reach.
        return CheckRunHealthResult(WorkerStatus.RUNNING, outcome.message, transient=True)
    if outcome.kind == "running" or outcome.status == NOT_FOUND:
        # Not found: AWS may deliver an Event after hours.
        return CheckRunHealthResult(WorkerStatus.RUNNING, "not done in Lambda")
    dispatcher.accepted.leave(run.run_id)
    report_end(event_log, launch, outcome)
    return CheckRunHealthResult(WorkerStatus.SUCCESS, "done in Lambda")


def _external(
    instance: DagsterInstance, run: DagsterRun, launch: Launch, dispatcher: Dispatcher
) -> CheckRunHealthResult:
    """An Event to a plain function: AWS may deliver it after hours, and tells nobody."""
    outside = CheckRunHealthResult(WorkerStatus.RUNNING, "to be finished from outside")
    if not _leaves_record(launch, dispatcher):
        return outside
    why = f"{launch.function} left its answer."
    return _end_by_record(instance, run, launch, why, dispatcher) or outside
