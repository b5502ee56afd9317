"""When to stop working: the one seam between the runtime and what it works for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

from temporalio.client import Client

from temporal_lambda.budget import Budget
from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.slots import SlotCounter

Reason = Literal["deadline", "idle", "result", "signal", "error"]


class Work(NamedTuple):
    """What a work strategy sees while the worker polls.

    Attributes:
        event: The event Lambda delivered; not trusted.
        client: The connected client.
        config: This invocation's configuration.
        budget: This invocation's time.
        slots: Counts tasks in flight; counts nothing where the user brought a tuner.
    """

    event: Any
    client: Client
    config: LambdaWorkerConfig
    budget: Budget
    slots: SlotCounter


class Stop(NamedTuple):
    """Why the work ended, and what the handler returns."""

    reason: Reason
    result: Any = None


WorkStrategy: TypeAlias = Callable[[Work], Awaitable[Stop]]
"""Runs beside the polling worker; when it returns, the work is over.

The deadline is not its concern: the runtime cancels it when the work must end.
"""


_seconds_left: ContextVar[Callable[[], float]] = ContextVar("temporal_lambda_seconds_left")


def remaining_work_time() -> timedelta | None:
    """How long this invocation will still work; for activities, to stop or checkpoint in time.

    When it reaches zero the invocation takes in no more work and begins its shutdown; an activity
    then has the ``graceful_shutdown_timeout`` before it is cancelled.

    Returns:
        The time, never negative; ``None`` where there is no deadline, as outside of an invocation.

    Example:
        >>> def must_stop() -> bool:
        ...     left = remaining_work_time()
        ...     return left is not None and left < timedelta(seconds=5)
        >>> must_stop()
        False
    """
    seconds = _seconds_left.get(_no_deadline)()
    return None if seconds == math.inf else timedelta(seconds=seconds)


def announce_work_time(seconds_left: Callable[[], float]) -> None:
    """Let what runs in this context from now on know the time; called before the worker starts."""
    _seconds_left.set(seconds_left)


def _no_deadline() -> float:
    return math.inf


async def serve_task_queue(work: Work) -> Stop:
    """Serve whatever comes, until nothing has come for ``idle_timeout`` or the deadline strikes."""
    if work.config.idle_timeout is None:
        await _forever()
    await work.slots.wait_until_quiet(work.config.idle_timeout.total_seconds())
    return Stop("idle")


async def _forever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("an event nobody sets was set")
