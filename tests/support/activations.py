"""What workflows are given and what they answer, and attempts of activities."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio import activity
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.testing import ActivityEnvironment

WALL = 1_800_000_000.0
"""What the server's clock says when ours says 100."""


def activation(
    run: str = "run",
    *,
    fires: int | None = None,
    evicts: bool = False,
    began_at: float | None = None,
) -> WorkflowActivation:
    made = WorkflowActivation(run_id=run, is_replaying=began_at is not None)
    if began_at is not None:
        made.timestamp.FromNanoseconds(int(began_at * 1e9))
    if fires is not None:
        made.jobs.add().fire_timer.seq = fires
    if evicts:
        made.jobs.add().remove_from_cache.SetInParent()
    return made


def completion(
    *, starts: tuple[int, float] | None = None, cancels: int | None = None, ends: str | None = None
) -> WorkflowActivationCompletion:
    made = WorkflowActivationCompletion()
    made.successful.SetInParent()
    if starts:
        timer = made.successful.commands.add().start_timer
        timer.seq = starts[0]
        timer.start_to_fire_timeout.FromTimedelta(timedelta(seconds=starts[1]))
    if cancels is not None:
        made.successful.commands.add().cancel_timer.seq = cancels
    if ends:
        getattr(made.successful.commands.add(), ends).SetInParent()
    return made


def fails() -> WorkflowActivationCompletion:
    made = WorkflowActivationCompletion()
    made.failed.SetInParent()
    return made


def asks(command: str, seq: int = 7) -> WorkflowActivationCompletion:
    made = completion()
    getattr(made.successful.commands.add(), command).seq = seq
    return made


def answers(job: str, seq: int = 7) -> WorkflowActivation:
    made = activation()
    getattr(made.jobs.add(), job).seq = seq
    return made


def attempt(**changes: Any) -> activity.Info:
    """An attempt at an activity whose server's time is now."""
    info = ActivityEnvironment.default_info()
    defaults = {"scheduled_time": datetime.fromtimestamp(WALL, timezone.utc)}
    return dataclasses.replace(info, **{**defaults, **changes})
