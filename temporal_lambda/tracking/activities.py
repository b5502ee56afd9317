"""Knows which activities run right now, by name: what can't be stopped must be named."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

WORKER_SHUTDOWN = "WorkerShutdown"
"""The error type by which workflows know it: the one temporalio uses when a worker shuts down."""

NO_PAUSE = timedelta(milliseconds=1)
"""The shortest pause there is; none at all would mean that of the retry policy."""


class ActivityInFlight:
    """An activity in flight.

    Attributes:
        info: What the SDK knows of it.
        heartbeat_details: Those of its latest heartbeat, in this attempt or an earlier one.
        waits_for_thread: Whether its code has not begun, for want of a thread.
    """

    def __init__(self, info: activity.Info) -> None:
        self.info = info
        self.heartbeat_details: Sequence[Any] = info.heartbeat_details
        self.waits_for_thread = False

    def noting_its_begin(self, code: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the code of an attempt, so that its begin ends ``waits_for_thread``."""

        @functools.wraps(code)
        def begin(*arguments: Any) -> Any:
            self.waits_for_thread = False
            return code(*arguments)

        self.waits_for_thread = True
        return begin


class ActivitiesInFlight(Interceptor):
    """A worker interceptor that keeps the activities in flight."""

    def __init__(self) -> None:
        self._in_flight: dict[bytes, ActivityInFlight] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _Recorder(next, self._in_flight)

    @property
    def on_server(self) -> list[ActivityInFlight]:
        """Those that the server knows of, which are all but the local ones."""
        return [seen for seen in list(self._in_flight.values()) if not seen.info.is_local]

    def describe(self) -> list[dict[str, Any]]:
        """The activities in flight, oldest first.

        Returns:
            Dicts with ``activity`` (type), ``workflow_id`` (or ``None``), ``attempt``, and
            ``waits_for_thread`` for one whose code has not begun.
        """
        return [
            {
                "activity": seen.info.activity_type,
                "workflow_id": seen.info.workflow_id,
                "attempt": seen.info.attempt,
                **({"waits_for_thread": True} if seen.waits_for_thread else {}),
            }
            for seen in list(self._in_flight.values())
        ]


class _Recorder(ActivityInboundInterceptor):
    def __init__(
        self, next: ActivityInboundInterceptor, in_flight: dict[bytes, ActivityInFlight]
    ) -> None:
        super().__init__(next)
        self._in_flight = in_flight

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        """See base class."""
        super().init(_Heartbeats(outbound, self._in_flight))

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        info = activity.info()
        seen = ActivityInFlight(info)
        if isinstance(input.executor, ThreadPoolExecutor):
            # Of one in another process nothing is seen.
            input.fn = seen.noting_its_begin(input.fn)
        self._in_flight[info.task_token] = seen
        try:
            return await super().execute_activity(input)
        except (asyncio.CancelledError, CancelledError):
            details = activity.cancellation_details()
            ended = details and details.worker_shutdown and not details.cancel_requested
            if ended and not info.is_local:
                raise invocation_ended() from None
            raise
        finally:
            del self._in_flight[info.task_token]


class _Heartbeats(ActivityOutboundInterceptor):
    """Keeps the latest details, of which the server has older ones: heartbeats are throttled."""

    def __init__(
        self, next: ActivityOutboundInterceptor, in_flight: dict[bytes, ActivityInFlight]
    ) -> None:
        super().__init__(next)
        self._in_flight = in_flight

    def heartbeat(self, *details: Any) -> None:
        """See base class."""
        if seen := self._in_flight.get(activity.info().task_token):
            seen.heartbeat_details = details
        super().heartbeat(*details)


def invocation_ended(pause: timedelta = NO_PAUSE) -> ApplicationError:
    """What an activity failed with that did nothing wrong, so that its retry need not back off.

    Args:
        pause: Until the retry.
    """
    return ApplicationError(
        "the Lambda invocation ended before the activity did",
        type=WORKER_SHUTDOWN,
        next_retry_delay=pause,
    )
