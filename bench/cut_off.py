"""Activities that an invocation's end cuts off: how soon are they tried again?"""

from __future__ import annotations

import asyncio
import random

from bench import load, log_values, workers
from bench.results import Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed

TIMEOUT = 10.0
SHUTDOWN = (1.0, 3.0)
"""Graceful timeout and buffer, seconds: an activity has a second to end before it is cancelled."""

START_TO_CLOSE = 60.0
GAP = 3.0
"""Seconds between two long activities; an invocation has slots for two."""

SHORT_GAP = 0.5
"""Seconds between the short workflows that keep invocations coming."""

RETRIED_SECONDS = 2.0
SEED = 2

ABOUT = (
    "*Cut off*: activities of 4 to 6 s are started every 3 s, among short ones, in a 10 s function "
    "with 1 s of graceful timeout. Many are cancelled by the end of their invocation; counted is "
    "the time until their next attempt begins, 1 s of which is Temporal's default pause before a "
    "first retry. An activity whose end nobody reported would wait for its start-to-close "
    "timeout of 60 s."
)


async def measure(quick: bool) -> list[Row]:
    """Both workers at once, in one stack."""
    activities = 6 if quick else 30
    async with LocalStack() as stack:
        both = await workers.deploy_all(
            stack,
            *(workers.function(worker, timeout=TIMEOUT, shutdown=SHUTDOWN) for worker in WORKERS),
        )
        ours, contrib = await asyncio.gather(*(_retried(stack, one, activities) for one in both))
    return [
        Row(
            "cut off activities: next attempt after the cancellation",
            "s",
            ours,
            contrib,
            goal=f"below {RETRIED_SECONDS:.0f} s",
            met=bool(ours) and max(ours) < RETRIED_SECONDS,
        )
    ]


async def _retried(stack: LocalStack, deployed: Deployed, activities: int) -> list[float]:
    """Seconds from each cancellation to the begin of the next attempt."""
    short = asyncio.create_task(_keep_coming(stack, deployed))
    randomness = random.Random(SEED)
    handles = []
    for _ in range(activities):
        seconds = randomness.uniform(4, 6)
        handles.append(
            await load.start(
                stack, deployed.task_queue, seconds, activity="hold", timeout=START_TO_CLOSE
            )
        )
        await asyncio.sleep(GAP)
    for handle in handles:
        await handle.result()
    short.cancel()
    await asyncio.gather(short, return_exceptions=True)
    await workers.until_idle(stack, deployed.function.name)
    return _pauses(stack, deployed.function.name)


async def _keep_coming(stack: LocalStack, deployed: Deployed) -> None:
    while True:
        await load.start(stack, deployed.task_queue, 0.0)
        await asyncio.sleep(SHORT_GAP)


def _pauses(stack: LocalStack, name: str) -> list[float]:
    begun: dict[tuple[str, int], float] = {}
    cancelled: dict[tuple[str, int], float] = {}
    for record in workers.records(stack, name):
        for found, what in ((begun, "begun"), (cancelled, "cancelled")):
            for line in log_values.lines(record, what):
                found[line["workflow_id"], line["attempt"]] = line["at"]
    return [
        begun[workflow, attempt + 1] - at for (workflow, attempt), at in sorted(cancelled.items())
    ]
