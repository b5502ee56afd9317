"""What a callback and its hooks can know about their invocation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig, TaskQueueError, run_worker
from temporal_lambda.deadline import Deadline
from temporal_lambda.invocation_info import InvocationInfo

VERSION = WorkerDeploymentVersion("service", "1")
CONTEXT = SimpleNamespace(
    aws_request_id="request-1",
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:orders:live",
    get_remaining_time_in_millis=lambda: 20_000,
)


def invoke(configure: Any, times: int = 1) -> None:
    """Invocations that end before they connect, since they have no task queue."""
    handler = run_worker(VERSION, configure)
    for _ in range(times):
        with pytest.raises(TaskQueueError):
            handler({}, CONTEXT)


def test_callback_knows_who_asked_and_how_much_time_there_is() -> None:
    seen: list[InvocationInfo] = []
    invoke(lambda config: seen.append(config.invocation), times=2)
    assert [info.cold for info in seen] == [True, False]
    assert {info.request_id for info in seen} == {"request-1"}
    assert seen[0].function_arn == CONTEXT.invoked_function_arn
    left = seen[0].remaining_time()
    assert left
    assert timedelta(seconds=19) < left <= timedelta(seconds=20)


def test_hook_knows_why_the_work_ended_and_the_time_it_has() -> None:
    reports: list[dict[str, Any]] = []
    times: list[timedelta | None] = []

    def configure(config: LambdaWorkerConfig) -> None:
        times.append(config.invocation.remaining_hook_time())

        def hook() -> None:
            reports.append(config.invocation.report())
            times.append(config.invocation.remaining_hook_time())

        config.shutdown_hooks += [hook, hook]

    invoke(configure)
    assert times[0] is None
    assert times[1]
    assert times[2]
    assert timedelta() < times[1] < times[2]
    assert reports[0]["errors"][0].startswith("configure: TaskQueueError")
    assert reports[0]["duration_ms"] > 0


def test_last_step_sees_what_became_of_hooks_and_teardown() -> None:
    reports: list[dict[str, Any]] = []
    times: list[timedelta | None] = []

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        def last() -> None:
            reports.append(config.invocation.report())
            times.append(config.invocation.remaining_hook_time())

        config.invocation.last_steps.append(("last", last))
        config.shutdown_hooks.append(lambda: times.append(config.invocation.remaining_hook_time()))
        yield
        raise RuntimeError("the teardown broke")

    invoke(configure)
    assert [error.split(":")[0] for error in reports[0]["errors"]] == [
        "configure",
        "teardown configure callback",
    ]
    hook, last = times
    assert hook
    assert last
    # What is kept for the steps behind it comes to the last one.
    assert timedelta() < hook < last


def test_no_deadline_is_no_limit() -> None:
    info = LambdaWorkerConfig().invocation
    assert info.remaining_time() is None
    assert info.remaining_hook_time() is None
    assert info.request_id is None


def test_time_is_never_negative() -> None:
    info = InvocationInfo(deadline=Deadline(at=1.0, clock=lambda: 5.0))
    assert info.remaining_time() == timedelta()
