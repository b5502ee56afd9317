"""Billed seconds per workflow, from one a minute to fifty a second: a model, and checks of it."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from dataclasses import replace
from typing import Literal

from bench import load, log_values, model, workers
from bench.model import Costs
from bench.results import Measured, Row
from bench.workers import Worker
from temporal_lambda.local import InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from temporal_lambda.runtime.budget import SOFT_CLOSE
from temporal_lambda.runtime.leaving import (
    COOL_OFF,
    LEAST_SETTLE,
    PARTITION_PAUSE,
    PARTITIONS,
    WITHOUT_TASKS,
)
from temporal_lambda.tracking.arrivals import ACCEPTED_RISK, GAPS_KEPT, Arrivals

WORK_SECONDS = 0.1
TIMEOUT = 60.0
BUFFER = 7.0
"""``shutdown_deadline_buffer``, both modules' default."""

Kind = Literal["auto", "ours", "contrib"]
KINDS: tuple[Kind, ...] = ("auto", "ours", "contrib")
IDLE: dict[Kind, float | Literal["auto"] | None] = {"auto": "auto", "ours": 1.0, "contrib": None}
"""Ours with ``idle_timeout = "auto"``, ours with a second, and the contrib module."""

CHECKED_RATES = (0.1, 1.0, 8.0)
CHECKED_TOGETHER = ((0.1, 1.0), (8.0,))
"""The fastest one is alone, so that it does not slow down the others."""

ENVIRONMENTS = 4
"""Of each function, warm before a check."""

MODEL_RATES = tuple(10 ** (exponent / 6) / 60 for exponent in range(22))
"""Per second: 1/60 to 53, six to each power of ten."""

MOST_ERROR = 15.0

CYCLES = 20
"""How many of contrib's invocations an average runs over."""

ABOUT = (
    "A simulation (`bench/model.py`): a workflow holds one of two activity slots for its work; an "
    "arrival that finds no free slot makes the controller ask for an invocation; an invocation "
    "polls until it leaves or until its deadline less 7 s, and is billed from start to end. "
    "Start, close and work are measured here, on invocations that serve a single workflow with an "
    'activity of 100 ms; the function\'s timeout is 60 s. *auto* is `idle_timeout = "auto"`, '
    "*ours* an idle timeout of 1 s. *Pure work* is the same with an instant start and no time "
    "spent waiting or closing: what nobody can go below. *Durable functions* is the billing "
    "rule of AWS Lambda durable functions: each workflow is an invocation of its own, from start "
    "to end, and waits are free; their price for durable operations is not in it. "
    "The simulation is checked with random arrivals at three rates, all workers at once on one "
    "stack, with warm environments; counted are whole invocations, also beyond the last arrival, "
    "and the simulation is given the arrivals that really were. It leaves out the load on the CPU "
    "and cold starts; the table has its error."
)


async def measure(quick: bool) -> Measured:
    """Calibrate, check, and draw the lines."""
    window, timeout = (20.0, 15.0) if quick else (90.0, TIMEOUT)
    async with LocalStack() as stack:
        costs = await _calibrate(stack, timeout, repeats=2 if quick else 5)
        checks = await _check_all(stack, costs, window, timeout)
    rows = [row for rate in CHECKED_RATES for row in _rows(rate, checks)]
    points = {
        "costs": {worker: _finite(costs[worker]) for worker in KINDS},
        "model": _lines(costs),
        "measured": {
            worker: [(rate, checks[worker, rate][0]) for rate in CHECKED_RATES] for worker in KINDS
        },
    }
    return Measured("Cost per workflow", ABOUT, rows, points)


async def _calibrate(stack: LocalStack, timeout: float, repeats: int) -> dict[Kind, Costs]:
    """Measure the workers with one workflow per invocation.

    A short deadline does for contrib: what it takes beyond its polling is the same.
    """
    short, buffer = 3.0, 0.5
    ours, contrib = await workers.deploy_all(
        stack,
        workers.function("ours", timeout=timeout, idle=IDLE["ours"], suffix="-alone"),
        workers.function("contrib", timeout=short, shutdown=(0.2, buffer), suffix="-alone"),
    )
    found: list[tuple[float, float, float]] = []
    for record in await _alone(stack, ours, repeats):
        report = record.report
        assert report
        open_ms = report["busy_ms"] + report["idle_ms"]
        started = _started_ms(record)
        found.append((started, record.duration_ms - started - open_ms, report["busy_ms"]))
    start, close, work = (statistics.median(values) / 1000 for values in zip(*found, strict=True))
    records = await _alone(stack, contrib, repeats)
    contrib_start = statistics.median(map(_started_ms, records)) / 1000
    contrib_close = statistics.median(r.duration_ms / 1000 - (short - buffer) for r in records)
    ours_costs = Costs(
        start,
        work,
        close,
        polls=timeout - BUFFER - SOFT_CLOSE - start,
        # An invocation makes sure of a second of quiet, however short its idle timeout.
        quiet=SOFT_CLOSE,
    )
    return {
        "auto": ours_costs,
        "ours": ours_costs,
        "contrib": Costs(
            contrib_start,
            work,
            max(0.0, contrib_close),
            polls=timeout - BUFFER - contrib_start,
            quiet=math.inf,
        ),
    }


async def _alone(stack: LocalStack, deployed: Deployed, repeats: int) -> list[InvocationRecord]:
    """Warm invocations that served one workflow each."""
    name = deployed.function.name
    before = stack.service.invocations
    for _ in range(repeats):
        await load.run(stack, deployed, WORK_SECONDS)
        await workers.until_idle(stack, name)
    return workers.records(stack, name, after=before)


def _started_ms(record: InvocationRecord) -> float:
    line = log_values.line(record, "started")
    assert line
    return float(line["ms"])


def at_rate(kind: Kind, costs: Costs, rate: float) -> Costs:
    """The costs of a worker whose environments have seen random arrivals at a rate."""
    if kind != "auto":
        return costs
    clock = iter(sorted([0.0, *2 * model.arrivals(rate, GAPS_KEPT)]))
    arrivals = Arrivals(lambda: next(clock, math.inf))
    for _ in range(GAPS_KEPT):
        # Each comes one gap after the one before, whose work takes no time here.
        arrivals.rested()
        arrivals.came(settle=0.0)
    waits = arrivals.expected_within(PARTITION_PAUSE - costs.work) / PARTITIONS > ACCEPTED_RISK
    return replace(
        costs,
        quiet=LEAST_SETTLE + arrivals.worth_waiting(),
        empty=WITHOUT_TASKS,
        stays=PARTITION_PAUSE if waits else COOL_OFF,
        overdue=arrivals.harmless_after() - arrivals.worth_waiting(),
    )


Checks = dict[tuple[Kind, float], tuple[float, float]]
"""Billed seconds per workflow, measured and simulated, by worker and rate."""


async def _check_all(
    stack: LocalStack, costs: dict[Kind, Costs], window: float, timeout: float
) -> Checks:
    keys = [(kind, rate) for rate in CHECKED_RATES for kind in KINDS]
    functions = [
        workers.function(
            _worker(kind), timeout=timeout, idle=IDLE[kind], concurrency=20, suffix=f"-{place}"
        )
        for place, (kind, _) in enumerate(keys)
    ]
    deployed = await workers.deploy_all(stack, *functions)
    for one in deployed:
        await load.warm_up(stack, one, ENVIRONMENTS)
    by_key = dict(zip(keys, deployed, strict=True))
    checks: Checks = {}
    for rates in CHECKED_TOGETHER:
        together = [key for key in keys if key[1] in rates]
        found = await asyncio.gather(
            *(
                _check(stack, by_key[kind, rate], rate, at_rate(kind, costs[kind], rate), window)
                for kind, rate in together
            )
        )
        checks.update(zip(together, found, strict=True))
    return checks


async def _check(
    stack: LocalStack, deployed: Deployed, rate: float, costs: Costs, window: float
) -> tuple[float, float]:
    before = stack.service.invocations
    planned = [0.0, *model.arrivals(rate, math.ceil(rate * window))]
    begun = time.monotonic()
    arrived, running = [], []
    for at in planned:
        await asyncio.sleep(begun + at - time.monotonic())
        arrived.append(time.monotonic())
        running.append(asyncio.create_task(load.run(stack, deployed, WORK_SECONDS)))
    await asyncio.gather(*running)
    await workers.until_idle(stack, deployed.function.name)
    records = workers.records(stack, deployed.function.name, after=before)
    # Init is left out on both sides: the model knows warm environments only.
    billed = sum(record.duration_ms for record in records) / 1000
    return billed / len(arrived), model.billed_seconds(arrived, costs) / len(arrived)


def _rows(rate: float, checks: Checks) -> list[Row]:
    contrib, contrib_model = checks["contrib", rate]
    rows = []
    ours: tuple[tuple[Kind, str], ...] = (("auto", "auto"), ("ours", "idle timeout of 1 s"))
    for kind, name in ours:
        billed, simulated = checks[kind, rate]
        error = 100 * (simulated / billed - 1)
        rows += [
            Row(f"billed per workflow at {rate:g}/s, {name}", "s", [billed], [contrib]),
            Row(
                f"error of the model at {rate:g}/s, {name}",
                "%",
                [error],
                [100 * (contrib_model / contrib - 1)],
                better="neither",
                goal=f"within {MOST_ERROR:.0f} %",
                met=abs(error) <= MOST_ERROR,
            ),
        ]
    return rows


def _lines(costs: dict[Kind, Costs]) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {
        kind: [
            (rate, model.per_workflow(rate, at_rate(kind, costs[kind], rate), _count(rate)))
            for rate in MODEL_RATES
        ]
        for kind in KINDS
    }
    limit, alone = costs["ours"].pure_work(), costs["ours"]
    lines["limit"] = [(rate, model.per_workflow(rate, limit, _count(rate))) for rate in MODEL_RATES]
    lines["durable functions"] = [
        (rate, alone.start + alone.work + alone.close) for rate in MODEL_RATES
    ]
    return lines


def _worker(kind: Kind) -> Worker:
    return "contrib" if kind == "contrib" else "ours"


def _finite(costs: Costs) -> dict[str, float]:
    """What JSON can hold."""
    return {name: value for name, value in vars(costs).items() if value < math.inf}


def _count(rate: float) -> int:
    """Arrivals that make an average: many of contrib's invocations, and hundreds at least."""
    return max(300, round(CYCLES * TIMEOUT * rate))
