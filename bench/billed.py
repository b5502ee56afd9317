"""What one 100 ms workflow costs, through the real worker controller."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bench import load, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed

WORK_SECONDS = 0.1
TIMEOUT = 60.0
IDLE = 1.0
GOAL = 40.0

ABOUT = (
    "A workflow with one activity of 100 ms is started while no worker runs. The server's worker "
    "controller invokes the function. Counted are the billed milliseconds of all invocations this "
    "caused, in a warm environment. The contrib module polls until 7 s before its deadline; ours "
    "ends when it has been idle."
)


async def measure(quick: bool) -> Measured:
    """Both workers at once: contrib's invocation sleeps nearly all of its time."""
    repeats, timeout = (1, 15.0) if quick else (3, TIMEOUT)
    async with LocalStack() as stack:
        both = await workers.deploy_all(
            stack, *(workers.function(worker, timeout=timeout, idle=IDLE) for worker in WORKERS)
        )
        ours, contrib = await asyncio.gather(*(_bill(stack, one, repeats) for one in both))
    row = Row(
        f"billed time of one 100 ms workflow, {timeout:.0f} s function",
        "ms",
        ours,
        contrib,
        goal=f"{GOAL:.0f} times less",
        note=f"ours with an idle timeout of {IDLE:.0f} s",
    )
    met = row.ratio is not None and row.ratio >= GOAL
    return Measured("Billed time", ABOUT, [replace(row, met=met)])


async def _bill(stack: LocalStack, deployed: Deployed, repeats: int) -> list[float]:
    """Billed milliseconds per workflow."""
    billed = []
    name = deployed.function.name
    for _ in range(repeats):
        before = stack.service.invocations
        await load.run(stack, deployed, WORK_SECONDS)
        await workers.until_idle(stack, name)
        caused = workers.records(stack, name, after=before)
        billed.append(float(sum(record.billed_ms for record in caused)))
    return billed
