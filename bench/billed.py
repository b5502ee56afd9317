"""What one short workflow costs, through the real worker controller."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import replace
from typing import Any

from bench import load, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed
from temporal_lambda.tracking.arrivals import LEAST_GAPS

WORK_SECONDS = 0.1
TIMEOUT = 60.0
SLEEP_SECONDS = 60.0
BETWEEN_SLEEPERS = 5.0
GOAL = 40.0
MOST_MS = 220.0
MOST_WITH_SLEEP_MS = 450.0

ABOUT = (
    "A workflow with one activity of 100 ms is started while no worker runs. The server's worker "
    "controller invokes the function. Counted are the billed milliseconds of all invocations this "
    "caused, in a warm environment. The contrib module polls until 7 s before its deadline; ours "
    'has `idle_timeout = "auto"`, and gets one workflow a minute, four of them before. In the last '
    "row a workflow has two such activities, and sleeps between them, so that two invocations "
    "serve it."
)


async def measure(quick: bool) -> Measured:
    """All at once: contrib's invocation sleeps nearly all of its time, and so does a workflow."""
    repeats, timeout, pause = (1, 15.0, 3.0) if quick else (3, TIMEOUT, SLEEP_SECONDS)
    async with LocalStack() as stack:
        made = [workers.function(one, timeout=timeout, idle="auto") for one in WORKERS]
        sleeper = workers.function(
            "ours", timeout=timeout, idle="auto", suffix="-sleeps", workflow="StepSleepStep"
        )
        ours, contrib, sleeps = await workers.deploy_all(stack, *made, sleeper)
        one = ("OneActivity", "pause", WORK_SECONDS, 10.0)
        alone, beside, with_sleep = await asyncio.gather(
            _bill(stack, ours, repeats, *one, pause=pause),
            _bill(stack, contrib, repeats, *one),
            _bill(
                stack,
                sleeps,
                min(repeats, 2),
                *("StepSleepStep", WORK_SECONDS, pause),
                pause=BETWEEN_SLEEPERS,
            ),
        )
    row = Row(
        f"billed time of one 100 ms workflow, {timeout:.0f} s function",
        "ms",
        alone,
        beside,
        goal=f"{GOAL:.0f} times less",
    )
    met = row.ratio is not None and row.ratio >= GOAL
    rows = [
        replace(row, met=met),
        _limited("billed time of one 100 ms workflow", alone, MOST_MS),
        _limited(f"step, sleep {pause:.0f} s, step", with_sleep, MOST_WITH_SLEEP_MS),
    ]
    return Measured("Billed time", ABOUT, rows)


def _limited(measure: str, values: list[float], most: float) -> Row:
    met = statistics.median(values) <= most
    return Row(measure, "ms", values, goal=f"at most {most:.0f} ms", met=met)


async def _bill(
    stack: LocalStack,
    deployed: Deployed,
    repeats: int,
    workflow: str,
    *arguments: Any,
    pause: float = 0.0,
) -> list[float]:
    """Billed milliseconds per workflow, each so many seconds after what was before."""
    billed = []
    name = deployed.function.name
    # Before it knows at what gaps workflows come, an environment does not leave at once.
    unmeasured = LEAST_GAPS + 1 if pause else 0
    for number in range(unmeasured + repeats):
        await asyncio.sleep(pause)
        before = stack.service.invocations
        await load.execute(stack, deployed, workflow, *arguments)
        await workers.until_idle(stack, name)
        caused = workers.records(stack, name, after=before)
        if number >= unmeasured:
            billed.append(float(sum(record.billed_ms for record in caused)))
    return billed
