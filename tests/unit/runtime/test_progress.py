"""What an invocation has come to."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from temporal_lambda.deadline import Deadline
from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.closing_steps import ClosingSteps
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.runtime.work_strategy import Stop
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    deadline = Deadline(at=clock.now + 60, clock=clock)
    budget = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5))
    return Progress(InvocationReport("request-1", cold=True), budget)


def test_phase_that_a_lost_loop_left_open_is_ended_by_who_takes_over(
    progress: Progress, clock: Clock
) -> None:
    abandoned = progress.phase("work")
    abandoned.__enter__()
    clock.now += 2
    progress.leave_phase()
    clock.now += 5
    assert progress.report.as_dict()["phases_ms"]["work"] == 2000


def test_first_error_is_the_one_that_is_raised(progress: Progress) -> None:
    first = KeyError("first")
    progress.failed(first)
    progress.failed(OSError("second"))
    assert progress.first_error() is first


def test_second_error_is_logged_with_its_traceback(
    progress: Progress, caplog: pytest.LogCaptureFixture
) -> None:
    progress.failed(KeyError("first"))
    assert not caplog.records
    progress.failed(OSError("second"))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info


def test_error_with_a_cause_is_logged_since_lambda_shows_only_the_outermost(
    progress: Progress, caplog: pytest.LogCaptureFixture
) -> None:
    error = RuntimeError("outer")
    error.__cause__ = OSError("inner")
    progress.failed(error)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("chained", [True, False])
def test_error_that_the_teardown_made_of_the_first_one_is_raised_instead(
    chained: bool, progress: Progress
) -> None:
    first, made = OSError("first"), RuntimeError("made of it")
    made.__cause__ = first if chained else None
    progress.failed(first)
    progress.steps = ClosingSteps(progress.budget.close(), progress.report)
    progress.steps.teardown_error = made
    assert progress.first_error() is (made if chained else first)


@pytest.mark.parametrize(
    ("reason", "began", "told"),
    [("idle", True, "idle"), ("error", False, None), ("signal", False, "signal")],
)
def test_reason_is_told_if_there_was_work_or_a_signal(
    reason: str, began: bool, told: str | None, progress: Progress
) -> None:
    progress.stop = Stop(reason)  # type: ignore[arg-type] # From the table above.
    progress.work_began = began
    progress.count_work()
    assert progress.report.stop_reason == told
