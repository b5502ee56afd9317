"""One environment, hundreds of invocations: does anything pile up?"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping

from bench import load, log_values, workers
from bench.results import Measured, Row
from bench.workers import WORKERS, Worker
from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.collector import collecting

WARM_UP = 10
WINDOW = 20
RESOURCES = {"threads": "threads", "fds": "file descriptors", "rss_kib": "resident memory"}
RSS_GOAL_MB = 5.0

ABOUT = (
    "One execution environment per worker serves one workflow per invocation, invocation after "
    "invocation. At the end of each the function counts its threads, open file descriptors and "
    "resident memory. Growth is the median of the last 20 invocations less that of the first 20 "
    "after 10 to warm up. *With telemetry*: the same with each module's own `otel.apply_defaults` "
    "in the configure callback, as both modules' documentation shows it, and a collector that "
    "takes everything."
)

TELEMETRY = ", with telemetry"


async def measure(quick: bool) -> Measured:
    """Both workers at once, in one stack; then both with telemetry."""
    invocations = 20 if quick else 200
    rows: list[Row] = []
    points: dict[str, dict[str, list[float]]] = {}
    async with LocalStack() as stack, collecting() as endpoint:
        with_telemetry = {"TELEMETRY": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        kinds: dict[str, dict[str, str]] = {"": {}, TELEMETRY: with_telemetry}
        for suffix, environment in kinds.items():
            both = await workers.deploy_all(stack, *_functions(environment))
            served = await asyncio.gather(*(_serve(stack, one, invocations) for one in both))
            found = {
                worker: {name: log_values.values(records, "back", name) for name in RESOURCES}
                for worker, records in zip(WORKERS, served, strict=True)
            }
            rows += [_row(name, found, invocations, suffix) for name in RESOURCES]
            points |= {worker + suffix: values for worker, values in found.items()}
    return Measured("Endurance", ABOUT, rows, points)


def _functions(environment: dict[str, str]) -> list[Function]:
    """Of both workers, with short invocations."""
    times: dict[Worker, tuple[float, tuple[float, float]]] = {
        "ours": (3.0, (0.2, 0.5)),
        "contrib": (2.0, (0.2, 0.7)),
    }
    return [
        workers.function(
            worker,
            timeout=timeout,
            idle=0.2,
            shutdown=shutdown,
            concurrency=1,
            suffix="-telemetry" if environment else "",
            environment=environment,
        )
        for worker, (timeout, shutdown) in times.items()
    ]


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


def _row(
    name: str, points: Mapping[Worker, dict[str, list[float]]], invocations: int, suffix: str
) -> Row:
    grown = {worker: growth(points[worker][name]) for worker in WORKERS}
    memory = name == "rss_kib"
    if memory:
        grown = {worker: value / 1024 for worker, value in grown.items()}
    return Row(
        f"growth of {RESOURCES[name]} over {invocations} invocations{suffix}",
        "MiB" if memory else "",
        [grown["ours"]],
        [grown["contrib"]],
        goal=f"at most {RSS_GOAL_MB:.0f} MiB" if memory else "none",
        met=grown["ours"] <= (RSS_GOAL_MB if memory else 0),
    )
