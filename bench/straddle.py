"""Activities that an invocation's end cuts off: how soon are they tried again?"""

from __future__ import annotations

import asyncio
import random

from bench import load, told, workers
from bench.results import Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed

TIMEOUT = 10.0
SHUTDOWN = (1.0, 3.0)
"""Graceful timeout and buffer, seconds: an activity has a second to end before it is cancelled."""

START_TO_CLOSE = 60.0
RETRIED_SECONDS = 2.0
SEED = 2

ABOUT = (
    "*Cut off*: activities of 4 to 6 s are started at random times in a 10 s function. Some are "
    "cancelled by the end of their invocation; counted is the time until their next attempt "
    "begins, 1 s of which is Temporal's default pause before a retry. An activity whose end nobody "
    "reported would wait for its start-to-close timeout of 60 s."
)


async def measure(quick: bool) -> list[Row]:
    """Both workers at once, in one stack."""
    workflows = 6 if quick else 40
    async with LocalStack() as stack:
        both = await workers.deploy_both(
            stack,
            *(workers.function(worker, timeout=TIMEOUT, shutdown=SHUTDOWN) for worker in WORKERS),
        )
        ours, contrib = await asyncio.gather(*(_retried(stack, one, workflows) for one in both))
    measure = "cut off activities: next attempt after the cancellation"
    if not ours:
        return [Row(measure, "s", [], contrib, note="none of ours was cut off")]
    return [
        Row(
            measure,
            "s",
            ours,
            contrib,
            goal=f"below {RETRIED_SECONDS:.0f} s",
            met=max(ours) < RETRIED_SECONDS,
            note=f"{len(ours)} of ours, {len(contrib)} of contrib's",
        )
    ]


async def _retried(stack: LocalStack, deployed: Deployed, workflows: int) -> list[float]:
    """Seconds from each cancellation to the begin of the next attempt."""
    randomness = random.Random(SEED)
    handles = []
    for _ in range(workflows):
        await asyncio.sleep(randomness.uniform(0.2, 1.2))
        handles.append(
            await load.start(
                stack,
                deployed.task_queue,
                randomness.uniform(4, 6),
                activity="hold",
                timeout=START_TO_CLOSE,
            )
        )
    for handle in handles:
        await handle.result()
    name = deployed.function.name
    await workers.until_idle(stack, name)
    begun: dict[tuple[str, int], float] = {}
    cancelled: dict[tuple[str, int], float] = {}
    for record in workers.records(stack, name):
        for found, what in ((begun, "begun"), (cancelled, "cancelled")):
            for line in told.lines(record, what):
                found[line["workflow_id"], line["attempt"]] = line["at"]
    return [
        begun[workflow, attempt + 1] - at for (workflow, attempt), at in sorted(cancelled.items())
    ]
