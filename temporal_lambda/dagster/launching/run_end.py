"""How a run ends in Dagster, given what its function answered."""

from __future__ import annotations

from dataclasses import replace

from dagster import DagsterRun, DagsterRunStatus

from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.outcome import Outcome
from temporal_lambda.dagster.launching.tags import Launch


def is_canceling(run: DagsterRun | None) -> bool:
    """Whether somebody wants a run to end that has not ended yet.

    Args:
        run: As it is now; ``None`` if it was deleted.
    """
    return run is not None and run.status is DagsterRunStatus.CANCELING


def report_end(event_log: RunEventLog, launch: Launch, outcome: Outcome) -> None:
    """Report a run's end, or note it where the run has ended otherwise by now.

    Args:
        event_log: Of the run.
        launch: How it was launched.
        outcome: Anything but ``running``.
    """
    if not launch.function_log:
        outcome = replace(outcome, log_tail="")
    run = event_log.current_run()
    if run is None or run.is_finished:
        event_log.late_result(
            f"The run had ended in Dagster before {launch.function} did: {_described(outcome)}.",
            outcome.result,
        )
    elif is_canceling(run) and not launch.durable:
        event_log.late_result(
            f"{launch.function} could not be stopped: {_described(outcome)}.", outcome.result
        )
        event_log.canceled(f"Canceled; {launch.function} had been invoked already.")
    else:
        _report(event_log, launch, outcome)


def _report(event_log: RunEventLog, launch: Launch, outcome: Outcome) -> None:
    if outcome.kind == "success":
        event_log.succeeded(
            f"{launch.function} has done the run.",
            outcome,
            materialize_planned=launch.materialize_planned,
        )
    elif outcome.kind == "canceled":
        event_log.canceled(f"{launch.function}: {outcome.message}.")
    elif outcome.kind == "died" and launch.durable:
        event_log.failed(
            f"{launch.function}: {outcome.message}. This happened several times in a row; the "
            "workflow may still be running",
            outcome,
        )
    else:
        event_log.failed(f"{launch.function}: {outcome.message}", outcome)


def _described(outcome: Outcome) -> str:
    if outcome.kind == "success":
        return "the function did its work"
    return outcome.message or outcome.kind
