"""Are queries and Nexus operations answered whose worker's invocation has just ended?

The server asks the controller for them only if it believes that nobody polls.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from bench import load, workers
from bench.results import Measured, Row
from bench.stress import SEED
from temporal_lambda.local import Function, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.lambdas import FUNCTIONS
from tests.support.nexus_caller import WITHIN, caller

FANS_OUT = "frontend.enableMatchingFanOutForPollCancellation"
LONGEST_PAUSE = 4.0
"""Seconds after an invocation's end in which a call comes, at random: the server believes for 5 s
that somebody polls."""

CALLS = 16
TIMEOUT = 60.0

ABOUT = (
    'A function of 60 s with `idle_timeout = "auto"` serves a workflow; within 4 s after the end '
    "of an invocation it is queried, or its Nexus operation is called by a workflow elsewhere, "
    "which gives up after 8 s. The first call finds an environment that does not know yet that it "
    "is called. Environments are warm. All is done with the server setting "
    f"`{FANS_OUT}` on and off."
)

SERVED = ("RunActivity", "hold", 0.02, 10.0)
"""The workflow that is served, and its arguments."""

Call = Callable[[], Awaitable[object]]


async def measure(quick: bool) -> Measured:
    """Queries and operations side by side, each function for itself."""
    calls = 2 if quick else CALLS
    rows: list[Row] = []
    for setting, value in (("on", "true"), ("off", "false")):
        async with LocalStack(dynamic_config={FANS_OUT: value}) as stack:
            queried, called = await workers.deploy_all(
                stack, _function("lifecycle", "queried"), _function("nexus_service", "called")
            )
            found = await asyncio.gather(
                _queries(stack, queried, calls), _operations(stack, called, calls)
            )
        for name, seconds in zip(("query", "Nexus operation"), found, strict=True):
            rows += _rows(f"{name} at rest, server setting {setting}", seconds)
    return Measured("Queries and Nexus operations at rest", ABOUT, rows)


def _function(handler: str, name: str) -> Function:
    return Function(
        name,
        f"{handler}.lambda_handler",
        FUNCTIONS,
        timeout=timedelta(seconds=TIMEOUT),
        environment={
            "DEPLOYMENT": name,
            "QUEUE": name,
            "TEMPORAL_TASK_QUEUE": name,
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "auto",
        },
    )


async def _queries(stack: LocalStack, deployed: Deployed, calls: int) -> list[float | None]:
    handle = (await load.execute(stack, deployed, *SERVED)).handle

    async def query() -> object:
        return await handle.query("__stack_trace", rpc_timeout=WITHIN)

    return await _seconds(stack, deployed, query, calls)


async def _operations(stack: LocalStack, deployed: Deployed, calls: int) -> list[float | None]:
    async with caller(stack, deployed.task_queue) as nexus:

        async def operation() -> object:
            return await (await nexus.start()).result()

        return await _seconds(stack, deployed, operation, calls)


async def _seconds(
    stack: LocalStack, deployed: Deployed, call: Call, calls: int
) -> list[float | None]:
    """How long each call took; ``None`` for one that failed."""
    randomness = random.Random(SEED)
    found: list[float | None] = []
    for _ in range(calls):
        await load.execute(stack, deployed, *SERVED)
        await workers.until_idle(stack, deployed.function.name)
        await asyncio.sleep(randomness.uniform(0.0, LONGEST_PAUSE - workers.CALM_SECONDS))
        begun = time.monotonic()
        try:
            await call()
        except (RPCError, WorkflowFailureError) as error:
            print(f"    {deployed.function.name}: {error}", flush=True)
            found.append(None)
        else:
            found.append(time.monotonic() - begun)
    return found


def _rows(label: str, seconds: list[float | None]) -> list[Row]:
    answered = [one for one in seconds if one is not None]
    lost = len(seconds) - len(answered)
    rows = [
        Row(
            f"{label}: unanswered", "", [lost], note=f"of {len(seconds)}", goal="none", met=not lost
        )
    ]
    if answered:
        rows.append(Row(f"{label}: median time", "s", [statistics.median(answered)]))
    return rows
