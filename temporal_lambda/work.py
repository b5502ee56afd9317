"""When to stop working: the one seam between the runtime and what it works for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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


async def serve_task_queue(work: Work) -> Stop:
    """Serve whatever comes, until nothing has come for ``idle_timeout`` or the deadline strikes."""
    if work.config.idle_timeout is None:
        await _forever()
    await work.slots.wait_until_quiet(work.config.idle_timeout.total_seconds())
    return Stop("idle")


async def _forever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("an event nobody sets was set")
