"""Steps are executed by Dagster itself, and what is stopped from outside leaves nothing."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from temporal_lambda.dagster.code.execution import (
    CutOffError,
    Execution,
    executor_config,
    retry_mode,
)
from temporal_lambda.dagster.code.instances import Instances
from temporal_lambda.dagster.code.launched_run import plan_of
from temporal_lambda.dagster.dagster_internals import RetryMode
from tests.unit.dagster.code.runs import kinds, run_of

hooks_run: list[str] = []


@dg.failure_hook(name="tell")
def tell(context):  # type: ignore[no-untyped-def] # Dagster reads annotations.
    hooks_run.append(context.op.name)


@dg.op
def fine() -> int:
    return 1


@dg.op
def broken() -> None:
    raise ValueError("no luck")


@dg.job(hooks={tell})
def both() -> None:
    fine()
    broken()


def execute(stop_at: str = "") -> tuple[list[str], list[str]]:
    """What happens, and what is in the event log then."""
    hooks_run.clear()
    run, seen = run_of("both"), [""]
    plan = plan_of(both, run, None, ["broken"])
    execution = Execution(
        both, plan, run, RetryMode.DEFERRED, lambda: bool(stop_at) and seen[-1] == stop_at
    )
    with execution.begun() as events:
        for event in events:
            seen.append(event.event_type_value)
        return seen[1:], kinds(execution.entries())


def test_a_step_is_executed_alone_with_its_hooks() -> None:
    happened, logged = execute()
    assert logged == ["LOGS_CAPTURED", "STEP_START", "STEP_FAILURE", "HOOK_COMPLETED"]
    assert [one for one in happened if not one.startswith("RESOURCE")] == logged
    assert hooks_run == ["broken"]


def test_a_step_that_is_stopped_triggers_no_hook() -> None:
    with pytest.raises(CutOffError):
        execute(stop_at="STEP_START")
    assert hooks_run == []


def test_instance_is_kept_unless_what_used_it_broke() -> None:
    instances = Instances()
    with instances.lend(run_of("both")) as first:
        pass
    with instances.lend(run_of("both")) as second:
        assert second is first
        with instances.lend(run_of("both")) as beside:
            assert beside is not first
    with pytest.raises(ValueError, match="broke"), instances.lend(run_of("both")) as third:
        raise ValueError("broke")
    with instances.lend(run_of("both")) as fourth:
        assert fourth is not third


def test_steps_link_the_log_stream_of_their_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/etl")
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/09/[3]ab")
    run = run_of("both")
    plan = plan_of(both, run, None, ["fine"])
    execution = Execution(both, plan, run, RetryMode.ENABLED)
    with execution.begun() as events:
        list(events)
        logs = [one for one in execution.entries() if kinds([one]) == ["LOGS_CAPTURED"]]
    (entry,) = logs
    assert entry.dagster_event
    url = entry.dagster_event.logs_captured_data.external_url
    assert url
    assert url.startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch/home")


@pytest.mark.parametrize(
    ("executor", "config", "expected"),
    [
        (None, {}, (None, "enabled")),
        (None, {"in_process": {"retries": {"disabled": {}}}}, (None, "disabled")),
        (None, {"multiprocess": {"max_concurrent": 3}}, (3, "enabled")),
        (dg.in_process_executor, {"retries": {"disabled": {}}}, (None, "disabled")),
        (dg.multiprocess_executor, {"max_concurrent": 2}, (2, "enabled")),
    ],
)
def test_executors_config_counts_whichever_executor_it_is(
    executor: Any, config: dict[str, Any], expected: tuple[Any, str]
) -> None:
    @dg.job(executor_def=executor)
    def alone() -> None:
        fine()

    run = run_of("alone", run_config={"execution": {"config": config}} if config else {})
    found = executor_config(alone, run)
    assert (found.get("max_concurrent"), retry_mode(found).value) == expected
