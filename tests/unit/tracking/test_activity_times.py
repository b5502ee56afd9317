"""What activities need, against what there is."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from temporal_lambda.tracking.activity_times import ActivityTimes, TimeForActivities


class Begins:
    """The end of the chain: the activity begins."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return "begun"


async def arrives(
    *,
    needs: float = 0,
    left: float = 30,
    whole: float = 60,
    attempt: int = 1,
    **info: Any,
) -> Any:
    """An activity arrives; ``begun``, or the error by which it was refused."""
    time = TimeForActivities(lambda: left, lambda: left - 5, whole, graceful=5)
    interceptor = ActivityTimes({"resize": timedelta(seconds=needs)}, time)
    chain = interceptor.intercept_activity(cast(ActivityInboundInterceptor, Begins()))
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, activity_type="resize", attempt=attempt, **info
    )

    async def run() -> Any:
        assert activity.info().activity_type == "resize"
        input = ExecuteActivityInput(fn=lambda: None, args=[], executor=None, headers={})
        return await chain.execute_activity(input)

    return await environment.run(run)


async def test_activity_that_needs_no_more_than_is_left_begins() -> None:
    assert await arrives() == "begun"
    assert await arrives(needs=30, left=30) == "begun"


async def test_activity_that_needs_more_is_refused_until_the_invocation_closes() -> None:
    with pytest.raises(ApplicationError, match="not begun: the activity needs 40 s") as error:
        await arrives(needs=40, left=30)
    assert error.value.type == "WorkerShutdown"
    assert error.value.next_retry_delay == timedelta(seconds=25.1)


@pytest.mark.parametrize(
    "info",
    [
        {"retry_policy": RetryPolicy(maximum_attempts=3), "attempt": 3},
        {"is_local": True},
    ],
)
async def test_activity_that_could_not_come_back_begins(info: dict[str, Any]) -> None:
    assert await arrives(needs=40, left=30, **info) == "begun"


async def test_activity_that_no_invocation_has_time_for_begins_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        assert await arrives(needs=100, left=30, whole=60) == "begun"
    (warning,) = caplog.records
    assert "is said to need 100 s, and an invocation has 60 s for it" in warning.getMessage()


async def test_timeout_longer_than_the_function_is_warned_of_with_both_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        await arrives(start_to_close_timeout=timedelta(minutes=5))
    (warning,) = caplog.records
    assert "activity resize may take 300 s by its timeout" in warning.getMessage()
    assert "60 s for it at most" in warning.getMessage()


async def test_single_attempt_is_warned_of_with_both_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    once = RetryPolicy(maximum_attempts=1)
    await arrives(retry_policy=once, start_to_close_timeout=timedelta(seconds=4))
    assert not caplog.records
    await arrives(retry_policy=once, start_to_close_timeout=timedelta(seconds=20))
    (warning,) = caplog.records
    assert "allowed one attempt, and may take 20 s" in warning.getMessage()
    assert "it has 5 s (graceful_shutdown_timeout)" in warning.getMessage()
