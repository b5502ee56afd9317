"""When the server retries an attempt that has failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from temporal_lambda.tracking.retries import retry_delay
from tests.support.activations import attempt

POLICY = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=3.0,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=5,
    non_retryable_error_types=["KeyError", "OutOfStock"],
)


@pytest.mark.parametrize(
    ("info", "error", "delay"),
    [
        ({}, ValueError(), 1.0),
        ({"attempt": 4}, ValueError(), 8.0),
        ({"attempt": 2000}, ValueError(), 100.0),
        ({"retry_policy": POLICY}, ValueError(), 2.0),
        ({"retry_policy": POLICY, "attempt": 3}, ValueError(), 18.0),
        ({"retry_policy": POLICY, "attempt": 4}, ValueError(), 30.0),
        ({"retry_policy": POLICY, "attempt": 5}, ValueError(), None),
        ({"retry_policy": POLICY}, KeyError(), None),
        ({"retry_policy": POLICY}, ApplicationError("", type="OutOfStock"), None),
        ({}, ApplicationError("", non_retryable=True), None),
        ({}, ApplicationError("", next_retry_delay=timedelta(seconds=7)), 7.0),
    ],
)
def test_delay_of_a_retry_is_the_servers(
    info: dict[str, Any], error: BaseException, delay: float | None
) -> None:
    assert retry_delay(attempt(**{"retry_policy": None, **info}), error) == delay
