"""When the server retries an attempt of an activity that has failed."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

DEFAULT_INITIAL_INTERVAL = timedelta(seconds=1)
DEFAULT_COEFFICIENT = 2.0
DEFAULT_MAXIMUM_INTERVALS = 100
"""Temporal's default retry policy: 1 s, doubled with each attempt, at most 100 times the first."""


def retry_delay(info: activity.Info, error: BaseException) -> float | None:
    """Seconds after which the server retries a failed attempt; ``None`` if it does not.

    Args:
        info: The attempt that failed.
        error: What it raised.
    """
    policy = info.retry_policy
    name = type(error).__name__
    if isinstance(error, ApplicationError):
        if error.non_retryable:
            return None
        name = error.type or name
    if policy and policy.maximum_attempts and info.attempt >= policy.maximum_attempts:
        return None
    if policy and name in (policy.non_retryable_error_types or ()):
        return None
    if isinstance(error, ApplicationError) and error.next_retry_delay is not None:
        return error.next_retry_delay.total_seconds()
    first = (policy.initial_interval if policy else DEFAULT_INITIAL_INTERVAL).total_seconds()
    coefficient = policy.backoff_coefficient if policy else DEFAULT_COEFFICIENT
    most = policy.maximum_interval.total_seconds() if policy and policy.maximum_interval else 0.0
    most = most or DEFAULT_MAXIMUM_INTERVALS * first
    try:
        return min(most, first * coefficient ** (info.attempt - 1))
    except OverflowError:
        return most
