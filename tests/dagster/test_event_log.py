"""What is reported to Dagster, whose storage may fail."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import DagsterEventType, DagsterRunStatus

from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching import event_log
from temporal_lambda.dagster.launching.invoke import Answer
from tests.dagster.dagster_fixtures import Dagster, sync

pytestmark = pytest.mark.server


def test_storage_that_fails_for_a_moment_costs_no_result(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_log, "RETRY_PAUSES", (0.01, 0.01, 0.01))
    run = dagster.create(sync("f"), status=DagsterRunStatus.STARTED)
    own = event_log.RunEventLog(dagster.instance, run.run_id, LambdaRunLauncher)
    instance = dagster.instance

    def fail_first(name: str, times: int) -> None:
        real, left = getattr(instance, name), [None] * times

        def flaky(*args: Any, **more: Any) -> Any:
            if left:
                left.pop()
                raise OSError("database is locked")
            return real(*args, **more)

        monkeypatch.setattr(instance, name, flaky)

    fail_first("add_run_tags", 1)
    own.answered("f", Answer(200, "id"))
    assert "can't be tagged with its invocation" in caplog.text
    fail_first("report_engine_event", 1)
    own.note("lost")
    fail_first("get_run_by_id", 3)
    fail_first("report_dagster_event", 3)
    own.succeeded("done")
    assert dagster.run(run.run_id).status is DagsterRunStatus.SUCCESS
    assert len(dagster.messages(run.run_id, DagsterEventType.RUN_SUCCESS)) == 1
