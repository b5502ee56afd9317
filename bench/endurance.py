"""One environment, hundreds of invocations: does anything pile up?"""

from __future__ import annotations

import asyncio
import statistics

from bench import load, told, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed

WARM_UP = 10
WINDOW = 20
RESOURCES = {"threads": "threads", "fds": "file descriptors", "rss_kib": "resident memory"}
RSS_GOAL_MB = 5.0

ABOUT = (
    "One execution environment per worker serves one workflow per invocation, invocation after "
    "invocation. At the end of each the function counts its threads, open file descriptors and "
    "resident memory. Growth is the median of the last 20 invocations less that of the first 20 "
    "after 10 to warm up."
)


async def measure(quick: bool) -> Measured:
    """Both workers at once, in one stack."""
    invocations = 20 if quick else 200
    async with LocalStack() as stack:
        both = await workers.deploy_all(
            stack,
            # The soft close of an idle exit takes at most a fifth of the working time: 0.5 s.
            workers.function("ours", timeout=3, idle=0.2, shutdown=(0.2, 0.5), concurrency=1),
            workers.function("contrib", timeout=2, shutdown=(0.2, 0.7), concurrency=1),
        )
        served = await asyncio.gather(*(_serve(stack, one, invocations) for one in both))
    points: dict[str, dict[str, list[float]]] = {
        worker: {name: told.values(records, "back", name) for name in RESOURCES}
        for worker, records in zip(WORKERS, served, strict=True)
    }
    rows = [_row(name, points, invocations) for name in RESOURCES]
    return Measured("Endurance", ABOUT, rows, points)


async def _serve(stack: LocalStack, deployed: Deployed, count: int) -> list[InvocationRecord]:
    """Run workflows, one at a time, until so many invocations have served one each."""
    name = deployed.function.name
    before = stack.service.invocations
    while len(found := workers.records(stack, name, after=before)) < count:
        await load.run(stack, deployed, 0.0)
        while stack.service.busy(name):
            await asyncio.sleep(0.02)
    return found


def growth(values: list[float]) -> float:
    """How much a value has grown, first window to last."""
    warm = values[WARM_UP:]
    return statistics.median(warm[-WINDOW:]) - statistics.median(warm[:WINDOW])


def _row(name: str, points: dict[str, dict[str, list[float]]], invocations: int) -> Row:
    grown = {worker: growth(points[worker][name]) for worker in WORKERS}
    memory = name == "rss_kib"
    if memory:
        grown = {worker: value / 1024 for worker, value in grown.items()}
    return Row(
        f"growth of {RESOURCES[name]} over {invocations} invocations",
        "MiB" if memory else "",
        [grown["ours"]],
        [grown["contrib"]],
        goal=f"at most {RSS_GOAL_MB:.0f} MiB" if memory else "none",
        met=grown["ours"] <= (RSS_GOAL_MB if memory else 0),
    )
