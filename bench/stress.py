"""Does a worker that closes lose tasks? Hundreds of closings under load.

A workflow whose task went to a closing worker stands still until that task times out (10 s for a
workflow task), so it shows as a latency above 1 s.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench import cut_off, load, workers
from bench.results import Measured, Row
from bench.workers import Worker
from temporal_lambda.local import Function, LocalStack
from temporal_lambda.local.stack import Deployed

STALLED_SECONDS = 1.0
WORK_SECONDS = 0.02
SEED = 1
BILLED_GOAL = 1.3
ENVIRONMENTS = 4
"""Of each function: enough for one that closes, the next one, and a busy moment."""

POLLS_ARE_CANCELLED = "frontend.enableCancelWorkerPollsOnShutdown"
"""The server's setting that ends a worker's polls when it says that it shuts down."""

ABOUT = (
    "Workflows with an activity of 20 ms arrive at random gaps while invocations close all the "
    "time, until at least 100 have. A stall is a workflow that took longer than 1 s; a lost "
    "task is one that the server gave to a worker and that timed out. Environments are warm. "
    "*Deadline closings*: a 10 s function without idle timeout, gaps of 0.05 to 0.5 s. *Mixed "
    "closings*: the same with an idle timeout of 0.5 s. *Idle closings*: a 60 s function with an "
    "idle timeout of 0.5 s, gaps of 0.05 to 2.5 s, so that arrivals fall into the closing. "
    "*Late-idle closings*: the same with an idle timeout of 1 s, after which it closes at once. "
    "All is "
    "done with the server setting `enableCancelWorkerPollsOnShutdown` on and off. " + cut_off.ABOUT
)


@dataclass(frozen=True)
class Load:
    """One way to make a worker close under load.

    Attributes:
        name: Which one; part of the function's name.
        timeout: The function's, seconds.
        idle: Idle timeout, seconds; none for the deadline alone.
        longest_gap: Between two arrivals, seconds.
        workflows: How many, in a full run: enough for 100 closings.
    """

    name: str
    timeout: float
    idle: float | None
    longest_gap: float
    workflows: int

    def gaps(self, workflows: int) -> Iterator[float]:
        """The same random gaps in every run."""
        randomness = random.Random(SEED)
        for _ in range(workflows):
            yield randomness.uniform(0.05, self.longest_gap)


DEADLINE = Load("deadline", 10.0, None, 0.5, 1250)
MIXED = Load("mixed", 10.0, 0.5, 0.5, 1250)
IDLE = Load("idle", 60.0, 0.5, 2.5, 220)
LATE_IDLE = Load("late-idle", 60.0, 1.0, 2.5, 220)
LOADS: tuple[tuple[Load, Worker], ...] = (
    (DEADLINE, "ours"),
    (DEADLINE, "contrib"),
    (MIXED, "ours"),
    (IDLE, "ours"),
    (LATE_IDLE, "ours"),
)

Sample = dict[str, Any]


async def measure(quick: bool) -> Measured:
    """All loads of one server side by side; then those of the other."""
    rows: list[Row] = []
    points: dict[str, Any] = {}
    for setting, value in (("on", "true"), ("off", "false")):
        async with LocalStack(dynamic_config={POLLS_ARE_CANCELLED: value}) as stack:
            deployed = await workers.deploy_all(
                stack, *(_function(one, worker) for one, worker in LOADS)
            )
            for each in deployed:
                await load.warm_up(stack, each, ENVIRONMENTS)
            samples = await asyncio.gather(
                *(
                    _close_often(stack, each, one, quick)
                    for each, (one, _) in zip(deployed, LOADS, strict=True)
                )
            )
            found = {f"{w} {one.name}": s for (one, w), s in zip(LOADS, samples, strict=True)}
            rows += _rows(found, f", server setting {setting}")
            points[setting] = {key: sample["latencies"] for key, sample in found.items()}
    return Measured("Stress", ABOUT, [*rows, *await cut_off.measure(quick)], points)


def _function(one: Load, worker: Worker) -> Function:
    return workers.function(
        worker,
        timeout=one.timeout,
        idle=one.idle,
        concurrency=ENVIRONMENTS,
        suffix=f"-{one.name}",
    )


async def _close_often(stack: LocalStack, deployed: Deployed, one: Load, quick: bool) -> Sample:
    before = stack.service.invocations
    workflows = one.workflows // 12 if quick else one.workflows
    runs = await load.run_all(stack, deployed, WORK_SECONDS, one.gaps(workflows))
    await workers.until_idle(stack, deployed.function.name)
    stalled = [run for run in runs if run.seconds > STALLED_SECONDS]
    lost = [await load.lost_task(run.handle) for run in stalled]
    records = workers.records(stack, deployed.function.name, after=before)
    reports = [record.report for record in records if record.report]
    open_ms = sum((report["busy_ms"] or 0) + (report["idle_ms"] or 0) for report in reports)
    return {
        "latencies": [run.seconds for run in runs],
        "stalls": len(stalled),
        "lost": sum(lost),
        "failures": sum(record.status != "success" for record in records),
        "closings": len(records),
        "idle_closings": sum(report["stop_reason"] == "idle" for report in reports),
        "longest": max(run.seconds for run in runs),
        "billed": workers.billed_seconds(records),
        "billed_to_open": workers.billed_seconds(records) * 1000 / open_ms if open_ms else None,
        "close_ms": [report["phases_ms"].get("close", 0.0) for report in reports],
    }


def _rows(found: dict[str, Sample], suffix: str) -> list[Row]:
    ours, contrib = found["ours deadline"], found["contrib deadline"]
    rows = [
        Row(f"deadline closings{suffix}: {name}", "", [ours[key]], [contrib[key]], **goal)
        for name, key, goal in (
            ("closings", "closings", {"better": "neither"}),
            ("stalls", "stalls", {"goal": "0", "met": ours["stalls"] == 0}),
            ("lost tasks", "lost", {}),
            ("failed invocations", "failures", {"goal": "0", "met": ours["failures"] == 0}),
        )
    ]
    rows += [
        Row(
            f"deadline closings{suffix}: longest latency",
            "s",
            [ours["longest"]],
            [contrib["longest"]],
        ),
        Row(f"deadline closings{suffix}: billed", "s", [ours["billed"]], [contrib["billed"]]),
        Row(
            f"deadline closings{suffix}: soft close",
            "ms",
            [statistics.mean(ours["close_ms"])],
            note="mean",
        ),
    ]
    for name in ("mixed", "idle", "late-idle"):
        sample = found[f"ours {name}"]
        label = f"{name} closings{suffix}"
        close_ms = statistics.mean(sample["close_ms"])
        rows += [
            Row(
                f"{label}: closings",
                "",
                [sample["closings"]],
                better="neither",
                note=f"{sample['idle_closings']} of them idle",
            ),
            Row(f"{label}: stalls", "", [sample["stalls"]], goal="0", met=sample["stalls"] == 0),
            Row(f"{label}: lost tasks", "", [sample["lost"]]),
            Row(
                f"{label}: failed invocations",
                "",
                [sample["failures"]],
                goal="0",
                met=sample["failures"] == 0,
            ),
            Row(f"{label}: longest latency", "s", [sample["longest"]]),
            Row(
                f"{label}: billed to busy and idle time",
                "",
                [sample["billed_to_open"]],
                goal=f"at most {BILLED_GOAL}",
                met=sample["billed_to_open"] <= BILLED_GOAL,
            ),
            Row(f"{label}: soft close", "ms", [close_ms], note="mean"),
        ]
    return rows
