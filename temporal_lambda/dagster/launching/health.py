"""Whether a run that has begun is still taken care of, and what to do if it isn't."""

from __future__ import annotations

import time
from collections.abc import Callable

from dagster import DagsterRun, DagsterRunStatus

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.ask import ask
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.conduct import report
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.private import CheckRunHealthResult, WorkerStatus
from temporal_lambda.dagster.launching.reports import Reports
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.launching.waiter import Phase, Waiter
from temporal_lambda.dagster.launching.waits import WAITS
from temporal_lambda.dagster.protocol import NOT_FOUND

Attach = Callable[[DagsterRun, Phase, str], None]
"""Waits for a run in this process, from a phase on, and tells the event log why."""


def check(
    run_id: str, reports: Reports, clients: Clients, config: LauncherConfig, attach: Attach
) -> CheckRunHealthResult:
    """Look after a run.

    Args:
        run_id: The run.
        reports: Of the run.
        clients: Lambda clients.
        config: The launcher's configuration.
        attach: Called for a run that nobody waits for, and that may be invoked.

    Returns:
        RUNNING while somebody waits, or the run will be finished from outside; FAILED if the
        process that waited is gone and the function may have done its work.

    Raises:
        SettingsError: The run's tags and the configuration don't fit together any more.
        botocore.exceptions.BotoCoreError: There is no client, for now.
        botocore.exceptions.ClientError: Likewise.
    """
    if WAITS.holds(run_id):
        return CheckRunHealthResult(WorkerStatus.RUNNING, "waited for by this process")
    # Read after that question: who waited may have been done in between.
    run = reports.open_run()
    if run is None or run.status is not DagsterRunStatus.STARTED:
        return CheckRunHealthResult(WorkerStatus.RUNNING, "the run has just changed")
    waiter = Waiter.from_tag(run.tags.get(tags.WAITER), run_id)
    accepted = waiter is not None and waiter.phase == "accepted"
    if (
        waiter
        and not accepted
        and waiter.alive(time.time())
        and not waiter.same_process(Waiter.here(run_id))
    ):
        # Before the tags are read, which this process may no longer understand; that one did.
        return CheckRunHealthResult(WorkerStatus.RUNNING, f"waited for by {waiter}")
    launch = tags.resolve(run.tags, config)
    if accepted:
        return _external(run, launch, reports, clients, config)
    return _lost(run, launch, waiter, attach)


def _lost(
    run: DagsterRun, launch: Launch, waiter: Waiter | None, attach: Attach
) -> CheckRunHealthResult:
    who = str(waiter) if waiter else "a process that left no name"
    if waiter and waiter.phase == "queued":
        why = f"{who} is gone before it invoked {launch.function}; it is invoked now."
        attach(run, "queued", why)
    elif launch.durable:
        why = f"{who} no longer waits for {launch.function}; the run is durable and attached to."
        attach(run, "invoked", why)
    else:
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"{who} waited for {launch.function} and is gone. The function was invoked, or was "
            "about to be, and may have done its work: its log tells. It is not invoked again",
        )
    return CheckRunHealthResult(WorkerStatus.RUNNING, "waited for by this process from now on")


def _external(
    run: DagsterRun, launch: Launch, reports: Reports, clients: Clients, config: LauncherConfig
) -> CheckRunHealthResult:
    if not launch.durable:
        return CheckRunHealthResult(WorkerStatus.RUNNING, "to be finished from outside")
    try:
        outcome = ask(clients, config, launch, run.run_id, "status")
    except InvokeError as error:
        # The workflow is where it is, whether or not its function can be asked now.
        return CheckRunHealthResult(WorkerStatus.RUNNING, str(error), transient=True)
    if outcome.kind in ("running", "died") or outcome.status == NOT_FOUND:
        # Not found: AWS may deliver an Event after hours.
        return CheckRunHealthResult(WorkerStatus.RUNNING, "not done in Lambda")
    report(reports, launch, outcome)
    return CheckRunHealthResult(WorkerStatus.SUCCESS, "done in Lambda")
