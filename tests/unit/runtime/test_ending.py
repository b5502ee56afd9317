"""What comes of an invocation: what the handler raises, and whether its process may live on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.deadline import Deadline
from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime import ending as ending_module
from temporal_lambda.runtime.budget import TERMINATION, Budget
from temporal_lambda.runtime.closing_steps import ClosingSteps
from temporal_lambda.runtime.ending import Ending
from temporal_lambda.runtime.executors import KnownExecutors
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.runtime.work_strategy import Stop
from temporal_lambda.runtime.worker import InvocationWorker


def begun(**config: Any) -> tuple[Ending, Progress]:
    deadline = Deadline(at=160.0, clock=lambda: 100.0)
    budget = Budget.share(deadline, timedelta(seconds=7), timedelta(seconds=5))
    progress = Progress(InvocationReport("request-1", cold=True), budget)
    return Ending(LambdaWorkerConfig(**config), progress), progress


def test_result_is_what_the_work_ended_with() -> None:
    ending, progress = begun()
    progress.stop = Stop("result", {"answer": 42})
    assert ending.result() == {"answer": 42}


def test_first_error_is_raised_instead() -> None:
    ending, progress = begun()
    progress.failed(KeyError("first"))
    progress.failed(OSError("second"))
    with pytest.raises(KeyError):
        ending.result()
    assert len(progress.report.errors) == 2


def test_error_of_the_teardown_is_raised_where_there_is_no_other() -> None:
    ending, progress = begun()
    progress.steps = ClosingSteps(progress.budget.close(), progress.report)
    progress.steps.teardown_error = OSError("close failed")
    ending.write_report([], [], None)
    with pytest.raises(OSError, match="close failed"):
        ending.result()


def test_tasks_left_over_are_named_only_where_nothing_better_is_known() -> None:
    ending, progress = begun()
    progress.report.abandoned.append({"activity": "resize", "workflow_id": "w", "attempt": 1})
    ending.write_report(["_run_activity"], [], None)
    assert len(progress.report.abandoned) == 1

    ending, progress = begun()
    ending.write_report(["stubborn"], [], None)
    assert progress.report.abandoned == [{"task": "stubborn"}]


def test_hurry_leaves_half_a_second_in_all() -> None:
    ending, progress = begun()
    assert 100.0 < ending.hurry() < 100.0 + TERMINATION
    assert progress.signal.hurried
    assert progress.budget.hooks_left() < TERMINATION


def test_hook_that_blocks_is_abandoned_and_the_invocation_goes_on() -> None:
    ending, progress = begun()
    progress.steps = ClosingSteps(progress.budget.close(), progress.report)
    ending.leave_loop("app.py:1 in flush", is_alive=False)
    assert progress.error is None


class LeftWorker(InvocationWorker):
    """A worker as it is when it could not be stopped; a real one would need a server."""

    started = True
    counted = True

    def __init__(self, *, stuck: bool, polls: bool) -> None:
        self.stuck = stuck
        self._still_polls = polls

    @property
    def polls(self) -> bool:
        return self._still_polls


@pytest.mark.parametrize(
    ("recycling", "stuck", "polls", "ends"),
    [
        ("poisoned", True, True, True),
        ("poisoned", True, False, False),
        ("poisoned", False, True, False),
        ("abandoned", False, False, True),
        ("never", True, True, False),
    ],
)
def test_process_ends_where_the_setting_says_so(
    recycling: Any, stuck: bool, polls: bool, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[BaseException | None] = []
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    # Ending the process for real would end the tests.
    monkeypatch.setattr(ending_module, "end_process", ended.append)
    ending, progress = begun(recycle_environment=recycling)
    progress.worker = LeftWorker(stuck=stuck, polls=polls)
    progress.report.abandoned.append({"worker": "shutdown"})
    ending.write_report([], [], None)
    assert bool(ended) is progress.report.recycled is ends


def test_process_of_a_managed_instance_goes_on_and_its_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    monkeypatch.setenv("AWS_LAMBDA_MAX_CONCURRENCY", "16")
    monkeypatch.setattr(ending_module, "end_process", pytest.fail)
    ending, progress = begun(recycle_environment="abandoned")
    progress.report.abandoned.append({"hook": "flush"})
    ending.write_report([], [], None)
    assert progress.report.as_dict()["recycled"] is False
    assert progress.report.abandoned == [{"hook": "flush"}]
    assert "no process is begun in place of one that has ended" in caplog.text


def test_process_lives_on_outside_of_lambda_and_after_sigterm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[BaseException | None] = []
    monkeypatch.setattr(ending_module, "end_process", ended.append)
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    ending, progress = begun(recycle_environment="abandoned")
    progress.report.abandoned.append({"hook": "flush"})
    ending.write_report([], [], None)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    progress.signal.hurried = True
    ending.write_report([], [], None)
    assert ended == []


def test_process_whose_executor_is_used_up_is_ended(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class UsedUp(KnownExecutors):
        def used_up(self, worker_config: Any, *, suspect: bool) -> list[str]:
            return ["activity_executor"] if suspect else []

    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    ended: list[BaseException | None] = []
    monkeypatch.setattr(ending_module, "end_process", ended.append)
    for abandoned in ([], [{"activity": "hang", "workflow_id": "w", "attempt": 1}]):
        _, progress = begun()
        progress.report.abandoned += abandoned
        Ending(LambdaWorkerConfig(), progress, UsedUp()).write_report([], [], None)
        assert ended == [None] * len(abandoned)
    assert progress.report.abandoned[-1] == {"executor": "activity_executor"}
    assert 'worker_config["activity_executor"] is used up' in caplog.text


def test_background_tasks_that_end_with_the_loop_are_named_and_end_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    monkeypatch.setattr(ending_module, "end_process", pytest.fail)
    ending, progress = begun(recycle_environment="abandoned")
    ending.write_report([], ["fire_and_forget"], None)
    assert progress.report.abandoned == [{"background task": "fire_and_forget"}]
