"""The time activities need against the time there is: what can't end here is not begun."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from temporal_lambda.process import warn_once
from temporal_lambda.tracking.activities import WORKER_SHUTDOWN

logger = logging.getLogger("temporal_lambda.activities")


class TimeForActivities(NamedTuple):
    """What an invocation has for its activities.

    Attributes:
        left: Returns the seconds until an activity is cancelled, the graceful timeout included.
        closes_in: Returns the seconds until no more work is taken.
        whole: What ``left`` was in the beginning; infinite without a deadline.
        graceful: The graceful timeout, seconds: what an activity has for certain.
    """

    left: Callable[[], float]
    closes_in: Callable[[], float]
    whole: float
    graceful: float


class ActivityTimes(Interceptor):
    """A worker interceptor that compares what activities need with what there is.

    Args:
        needs: The least time that activities need, by type.
        time: What there is.
    """

    def __init__(self, needs: Mapping[str, timedelta], time: TimeForActivities) -> None:
        self._needs = needs
        self._time = time

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _Comparer(next, self._needs, self._time)


class _Comparer(ActivityInboundInterceptor):
    def __init__(
        self,
        next: ActivityInboundInterceptor,
        needs: Mapping[str, timedelta],
        time: TimeForActivities,
    ) -> None:
        super().__init__(next)
        self._needs = needs
        self._time = time

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        info = activity.info()
        if not info.is_local:
            _warn(info, self._time)
            self._refuse(info)
        return await super().execute_activity(input)

    def _refuse(self, info: activity.Info) -> None:
        need = self._needs.get(info.activity_type, timedelta()).total_seconds()
        left = self._time.left()
        if need <= left or not _has_another_attempt(info):
            return
        if need > self._time.whole:
            warn_once(
                logger,
                "activity %s is said to need %.4g s, and an invocation has %.4g "
                "s for it at most: it is begun all the same. Increase the function timeout",
                info.activity_type,
                need,
                self._time.whole,
                about=info.activity_type,
            )
            return
        raise ApplicationError(
            f"not begun: the activity needs {need:.4g} s, and the Lambda invocation has {left:.4g} "
            "s left for it",
            type=WORKER_SHUTDOWN,
            # Before that it would only come back here.
            next_retry_delay=timedelta(seconds=self._time.closes_in() + 0.1),
        )


def _has_another_attempt(info: activity.Info) -> bool:
    most = info.retry_policy.maximum_attempts if info.retry_policy else 0
    return not most or info.attempt < most


def _warn(info: activity.Info, time: TimeForActivities) -> None:
    timeout = info.start_to_close_timeout or info.schedule_to_close_timeout
    seconds = timeout.total_seconds() if timeout else 0.0
    once = info.retry_policy is not None and info.retry_policy.maximum_attempts == 1
    if seconds > time.whole:
        warn_once(
            logger,
            "activity %s may take %.4g s by its timeout, and an invocation has "
            "%.4g s for it at most: one that takes longer is cut off in every attempt. Have it "
            "heartbeat and continue from its details, or increase the function timeout",
            info.activity_type,
            seconds,
            time.whole,
            about=info.activity_type,
        )
    elif once and seconds > time.graceful:
        warn_once(
            logger,
            "activity %s is allowed one attempt, and may take %.4g s by its "
            "timeout: if the invocation ends meanwhile it has %.4g s (graceful_shutdown_timeout) "
            "to finish, and fails for good. Allow more attempts, or set that timeout higher",
            info.activity_type,
            seconds,
            time.graceful,
            about=info.activity_type,
        )
