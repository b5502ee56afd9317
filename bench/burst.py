"""Many workflows at once, few environments."""

from __future__ import annotations

import asyncio
import statistics
import time

from bench import load, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed

TIMEOUT = 10.0
IDLE = 1.0
CONCURRENCY = 8
WORK_SECONDS = 0.02

MEASURES = {
    "all done after": "s",
    "median latency": "s",
    "longest latency": "s",
    "invocations": "",
    "billed": "s",
    "failed invocations": "",
}

Sample = dict[str, float]


async def measure(quick: bool) -> Measured:
    """Interleaved; each burst finds no environment, so all of them start cold."""
    repeats, workflows = (1, 40) if quick else (3, 200)
    samples: dict[str, list[Sample]] = {worker: [] for worker in WORKERS}
    async with LocalStack() as stack:
        both = await workers.deploy_all(
            stack,
            *(
                workers.function(worker, timeout=TIMEOUT, idle=IDLE, concurrency=CONCURRENCY)
                for worker in WORKERS
            ),
        )
        for _ in range(repeats):
            for deployed in both:
                samples[deployed.function.name].append(await _burst(stack, deployed, workflows))
    rows = [
        Row(
            f"{workflows} workflows at once: {measure}",
            unit,
            [sample[measure] for sample in samples["ours"]],
            [sample[measure] for sample in samples["contrib"]],
        )
        for measure, unit in MEASURES.items()
    ]
    about = (
        f"{workflows} workflows with an activity of 20 ms are started at once; a 10 s function may "
        "have 8 environments, and none is warm. Ours has an idle timeout of 1 s."
    )
    return Measured("Burst", about, rows)


async def _burst(stack: LocalStack, deployed: Deployed, workflows: int) -> Sample:
    name = deployed.function.name
    stack.service.recycle(name)
    before = stack.service.invocations
    begun = time.monotonic()
    runs = await asyncio.gather(
        *(load.run(stack, deployed, WORK_SECONDS) for _ in range(workflows))
    )
    latencies = [run.seconds for run in runs]
    done = time.monotonic() - begun
    await workers.until_idle(stack, name)
    caused = workers.records(stack, name, after=before)
    return {
        "all done after": done,
        "median latency": statistics.median(latencies),
        "longest latency": max(latencies),
        "invocations": float(len(caused)),
        "billed": workers.billed_seconds(caused),
        "failed invocations": float(sum(record.status != "success" for record in caused)),
    }
