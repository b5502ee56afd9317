"""When to stop working: the one seam between the runtime and what it works for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Literal, NamedTuple, NoReturn, Protocol, TypeAlias

from temporalio.client import Client

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.leaving import Leaving
from temporal_lambda.tracking.activities import ActivitiesInFlight
from temporal_lambda.tracking.slots import SlotCounter

Reason = Literal["deadline", "idle", "result", "signal", "worker", "error"]


class Work(NamedTuple):
    """What a work strategy has to work with.

    Attributes:
        client: The connected client; ``None`` for a strategy that does not connect.
        config: This invocation's configuration, complete.
        budget: This invocation's time.
        slots: Counts tasks in flight; counts nothing where the user brought a tuner.
        activities: Knows the activities in flight.
        leaving: Decides when to leave, where ``idle_timeout`` leaves that to us.
    """

    client: Client | None
    config: LambdaWorkerConfig
    budget: Budget
    slots: SlotCounter
    activities: ActivitiesInFlight
    leaving: Leaving


class Stop(NamedTuple):
    """Why the work ended, and what the handler returns."""

    reason: Reason
    result: Any = None


class WorkStrategy(Protocol):
    """What one event asks of its invocation, and when that is done.

    Attributes:
        connects: Whether it needs a connection.
        polls: Whether it needs a polling worker as well.
    """

    connects: bool
    polls: bool

    async def run(self, work: Work) -> Stop:
        """Run beside the polling worker; when this returns, the work is over.

        The deadline is not its concern: the runtime cancels it when the work must end, and a
        strategy that does not poll may then use the time of the drain to unwind.
        """

    def outcome(self) -> Any:
        """What the handler returns if the work was over before ``run`` was; asked after the drain.

        Raises:
            Exception: What the handler raises instead.
        """


StrategyFactory: TypeAlias = Callable[[Any, LambdaWorkerConfig], WorkStrategy]
"""Chooses the strategy for an event, which is not trusted. It is called when the user's callback
has configured the worker, and may add to that."""


_seconds_left: ContextVar[Callable[[], float]] = ContextVar("temporal_lambda_seconds_left")


def remaining_work_time() -> timedelta | None:
    """Time until this invocation stops working, for activities that stop or checkpoint in time.

    At zero the invocation takes no more work and begins its shutdown; an activity then has the
    ``graceful_shutdown_timeout`` before it is cancelled.

    Returns:
        The time, never negative; ``None`` if there is no deadline, as outside an invocation.

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


class ServeTaskQueue:
    """Serve whatever comes, until nothing has come for ``idle_timeout`` or the deadline strikes."""

    connects = True
    polls = True

    def __init__(self, event: Any, config: LambdaWorkerConfig) -> None:
        pass  # Every event means the same: there is work.

    async def run(self, work: Work) -> Stop:
        """See base class."""
        idle_timeout = work.config.idle_timeout
        if idle_timeout is None:
            await _forever()
        elif isinstance(idle_timeout, timedelta):
            await work.slots.wait_until_quiet(idle_timeout.total_seconds())
        else:
            await work.leaving.wait()
        return Stop("idle")

    def outcome(self) -> None:
        """See base class."""


async def _forever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("an event nobody sets was set")
