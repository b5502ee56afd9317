"""What becomes of an op's errors where it has no retry policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from temporal_lambda.dagster.serving.plan import Retries
from temporal_lambda.dagster.serving.retry_interceptor import VAIN_ATTEMPTS, RetryInterceptor


class Innermost(ActivityInboundInterceptor):
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        raise self._error


async def attempt(
    error: Exception,
    policy: RetryPolicy,
    *,
    number: int = 1,
    heartbeat_details: Sequence[Any] = (),
) -> BaseException:
    """What an attempt at an op that raises that error is told to have failed with."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, retry_policy=policy, attempt=number, heartbeat_details=heartbeat_details
    )
    chain = RetryInterceptor().intercept_activity(Innermost(error))
    with pytest.raises(Exception) as caught:  # noqa: PT011 (which one is what is tested)
        await environment.run(
            chain.execute_activity, ExecuteActivityInput(lambda: None, (), None, {})
        )
    return caught.value


NO_POLICY = Retries.of(None).policy()


async def test_error_keeps_its_type_and_is_not_retried() -> None:
    error = await attempt(ValueError("no luck"), NO_POLICY)
    assert isinstance(error, ApplicationError)
    assert (error.type, error.message, error.non_retryable) == ("ValueError", "no luck", True)


async def test_application_error_keeps_its_details() -> None:
    error = await attempt(ApplicationError("no", 1, 2, type="Mine"), NO_POLICY)
    assert isinstance(error, ApplicationError)
    assert (error.type, list(error.details), error.non_retryable) == ("Mine", [1, 2], True)


async def test_with_a_policy_of_its_own_the_error_is_the_policys() -> None:
    raised = ValueError("no luck")
    assert await attempt(raised, RetryPolicy(maximum_attempts=3)) is raised


async def test_cancellation_is_left_alone() -> None:
    raised = CancelledError("canceled")
    assert await attempt(raised, NO_POLICY) is raised


async def test_op_that_is_cut_off_again_and_again_from_its_beginning_is_given_up() -> None:
    error = await attempt(ValueError("no luck"), NO_POLICY, number=VAIN_ATTEMPTS + 1)
    assert isinstance(error, ApplicationError)
    assert (error.type, error.non_retryable) == ("CutOff", True)


async def test_op_that_goes_on_from_its_heartbeats_is_not() -> None:
    error = await attempt(
        ValueError("no luck"), NO_POLICY, number=VAIN_ATTEMPTS + 1, heartbeat_details=[7]
    )
    assert isinstance(error, ApplicationError)
    assert error.type == "ValueError"
