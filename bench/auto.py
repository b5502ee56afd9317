"""What ``idle_timeout = "auto"`` costs, how long workflows wait, and whether any is lost.

Every stall is explained by its history, in the output and in the points.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from temporalio.api.enums.v1 import EventType, TaskQueueKind
from temporalio.api.history.v1 import HistoryEvent

from bench import load, model, workers
from bench.results import Measured, Row
from bench.stress import POLLS_ARE_CANCELLED, SEED, STALLED_SECONDS
from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.proxy import distant

WORK_SECONDS = 0.02
ROUND_TRIP = 0.05
TIMEOUT = 60.0
BESIDE = "idle timeout of 1 s"

WINDOW, RESONANT_WINDOW, FAST_WINDOW = 140.0, 60.0, 40.0
"""Seconds of arrivals at random, of what comes back, and of the fastest arrivals."""

BOTH = (
    "A stall is a workflow that took over 1 s longer than its own timers and retries; *lost* are "
    "those of which the server gave a task to a poll that was ending, so that it timed out. "
    "Environments are warm. All is done with the server setting "
    "`enableCancelWorkerPollsOnShutdown` on and off."
)
ABOUT = (
    'Functions of 60 s with `idle_timeout = "auto"`. Workflows with an activity of 20 ms arrive at '
    "random at four rates; at the two higher ones beside an idle timeout of 1 s, with the same "
    "arrivals. " + BOTH
)
ABOUT_RESONANT = (
    'Functions of 60 s with `idle_timeout = "auto"`. One workflow is started after the other, at a '
    "random moment within a second, and comes back by itself: its activity fails once and is "
    "retried after Temporal's default of 1 s, or it sleeps. The server is on loopback or behind a "
    "round trip of 50 ms. Latency is beyond own timers and retries. " + BOTH
)


@dataclass(frozen=True)
class Load:
    """One kind of workflows, and how they arrive.

    Attributes:
        name: In the table and the function's name.
        workflow: Its type, and its arguments.
        own: Seconds that its own timers and retries take.
        rate: Arrivals a second at random; one after the other if ``None``.
        idle: The idle timeout.
        far: Whether the server is a round trip away.
    """

    name: str
    workflow: tuple[str, tuple[Any, ...]] = ("OneActivity", ("pause", WORK_SECONDS, 10.0))
    own: float = 0.0
    rate: float | None = None
    idle: float | Literal["auto"] = "auto"
    far: bool = False

    @property
    def suffix(self) -> str:
        """Of the function's name."""
        idle = "" if self.idle == "auto" else "-1s"
        far = "-far" if self.far else ""
        return "-" + self.name.replace("/s", "").replace(".", "-").replace(" ", "-") + idle + far


RATES = (0.02, 0.1, 0.8)
FAST = 5.0


def _at(rate: float, idle: float | Literal["auto"] = "auto") -> Load:
    return Load(f"{rate:g}/s", rate=rate, idle=idle)


def _resonant(far: bool) -> list[Load]:
    retry = Load("default retry", ("FailsOnce", ()), 1.0, far=far)
    sleeps = [Load(f"sleep {s}", ("Sleeps", (float(s),)), float(s), far=far) for s in (1, 2, 5)]
    return [retry, *sleeps]


Stage = tuple[list[Load], float]
"""Loads side by side, and for how many seconds."""

AT_RANDOM: list[Stage] = [
    ([*map(_at, RATES), _at(0.8, 1.0)], WINDOW),
    ([_at(FAST)], FAST_WINDOW),
    ([_at(FAST, 1.0)], FAST_WINDOW),
]
RESONANT: list[Stage] = [
    (_resonant(far=False), RESONANT_WINDOW),
    (_resonant(far=True), RESONANT_WINDOW),
]

Sample = dict[str, Any]


async def measure(quick: bool) -> Measured:
    """Arrivals at random."""
    return await _measure("Auto", ABOUT, AT_RANDOM, quick)


async def measure_resonant(quick: bool) -> Measured:
    """Workflows that come back."""
    return await _measure("Resonance", ABOUT_RESONANT, RESONANT, quick)


async def _measure(title: str, about: str, stages: list[Stage], quick: bool) -> Measured:
    rows: list[Row] = []
    points: dict[str, Any] = {}
    for setting, value in (("on", "true"), ("off", "false"))[: 1 if quick else 2]:
        async with _stack(value) as (stack, far_address):
            found: dict[Load, Sample] = {}
            for loads, window in stages:
                seconds = window / 10 if quick else window
                functions = [_function(one, far_address) for one in loads]
                deployed = await workers.deploy_all(stack, *functions)
                for each in deployed:
                    await load.warm_up(stack, each, 1)
                samples = await asyncio.gather(
                    *(
                        _run(stack, each, one, seconds)
                        for each, one in zip(deployed, loads, strict=True)
                    )
                )
                found |= dict(zip(loads, samples, strict=True))
            rows += _rows(found, f", server setting {setting}")
            points[setting] = {one.suffix[1:]: sample for one, sample in found.items()}
    return Measured(title, about, rows, points)


@asynccontextmanager
async def _stack(polls_are_cancelled: str) -> AsyncIterator[tuple[LocalStack, str]]:
    async with (
        LocalStack(dynamic_config={POLLS_ARE_CANCELLED: polls_are_cancelled}) as stack,
        distant(stack.temporal_address, ROUND_TRIP) as proxy,
    ):
        yield stack, proxy.address


def _function(one: Load, far_address: str) -> Function:
    return workers.function(
        "ours",
        timeout=TIMEOUT,
        idle=one.idle,
        suffix=one.suffix,
        workflow=one.workflow[0],
        environment={"TEMPORAL_ADDRESS": far_address} if one.far else None,
    )


async def _run(stack: LocalStack, deployed: Deployed, one: Load, window: float) -> Sample:
    before = stack.service.invocations
    workflow, arguments = one.workflow
    runs: list[load.Run] = []

    async def run() -> None:
        runs.append(await load.execute(stack, deployed, workflow, *arguments))

    loop = asyncio.get_running_loop()
    begun = loop.time()
    if one.rate:
        running = []
        for at in model.arrivals(one.rate, max(3, round(one.rate * window))):
            await asyncio.sleep(max(0.0, begun + at - loop.time()))
            running.append(asyncio.create_task(run()))
        await asyncio.gather(*running)
    else:
        randomness = random.Random(SEED)
        while loop.time() - begun < window:
            await run()
            await workers.until_idle(stack, deployed.function.name)
            await asyncio.sleep(randomness.random())
    await workers.until_idle(stack, deployed.function.name)
    stalled = [r for r in runs if r.seconds - one.own > STALLED_SECONDS]
    records = workers.records(stack, deployed.function.name, after=before)
    explained = [await explain(one, run, records) for run in stalled]
    for line in explained:
        print(f"    {line}", flush=True)
    return {
        "workflows": len(runs),
        "closings": len(records),
        "stalls": len(stalled),
        "lost": sum([await load.lost_task(run.handle) for run in stalled]),
        "latencies": [run.seconds - one.own for run in runs],
        "billed": sum(record.duration_ms for record in records) / 1000 / len(runs),
        "explained": explained,
    }


async def explain(one: Load, run: load.Run, records: list[InvocationRecord]) -> str:
    """What the history of a stalled workflow says of the task that waited longest."""
    events = list((await run.handle.fetch_history()).events)
    waits = [
        (_at_second(after) - _at_second(before), before, after)
        for before, after in itertools.pairwise(events)
        if (before.event_type, after.event_type) in QUEUED
    ]
    seconds, before, after = max(waits, key=lambda wait: wait[0])
    begun, ended = _at_second(before), _at_second(after)
    name = EventType.Name(before.event_type).removeprefix("EVENT_TYPE_")
    told = (
        f"{one.suffix[1:]}: {run.handle.id} took {run.seconds:.2f} s, {seconds:.2f} s of them from "
        f"{name} until its start: "
    )
    if any(map(load.tells_of_a_loss, events)):
        return told + f"{_lost(events)} was given to a poll that was ending, and timed out"
    if seconds < STALLED_SECONDS:
        return told + "no task waited for longer than a second, the machine was busy"
    there = [r for r in records if r.started_at.timestamp() < ended and _end(r) > begun]
    came = [f"{r.started_at.timestamp() - begun:+.2f} to {_end(r) - begun:+.2f} s" for r in there]
    return told + f"invocations meanwhile: {', '.join(came) or 'none'}"


def _lost(events: list[HistoryEvent]) -> str:
    """What kind of task it was that timed out."""
    lost = next(event for event in events if load.tells_of_a_loss(event))
    if lost.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
        return "an activity task"
    scheduled_at = lost.workflow_task_timed_out_event_attributes.scheduled_event_id
    scheduled = next(event for event in events if event.event_id == scheduled_at)
    queue = scheduled.workflow_task_scheduled_event_attributes.task_queue
    sticky = queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY
    return "the next task of a workflow in its cache" if sticky else "a workflow task"


QUEUED = (
    (
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    ),
    (
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
    ),
)


def _at_second(event: HistoryEvent) -> float:
    """When an event was written, in seconds since the epoch."""
    return event.event_time.ToNanoseconds() / 1e9


def _end(record: InvocationRecord) -> float:
    return record.started_at.timestamp() + record.duration_ms / 1000


def _rows(found: dict[Load, Sample], suffix: str) -> list[Row]:
    rows = []
    for one, sample in found.items():
        if one.idle != "auto":
            continue
        beside = found.get(_at(one.rate, 1.0)) if one.rate else None
        distance = ", 50 ms round trip" if one.far else ""
        label = f"{one.name}{distance}{suffix}"
        note = f"{sample['closings']} closings, {sample['workflows']} workflows"
        lost = "" if one.rate else "no stall"
        rows += [
            _row(f"{label}: billed per workflow", "s", sample["billed"], beside, "billed"),
            _row(
                f"{label}: median latency",
                "s",
                statistics.median(sample["latencies"]),
                beside and {"median": statistics.median(beside["latencies"])},
                "median",
            ),
            _row(
                f"{label}: stalls",
                "",
                sample["stalls"],
                beside,
                "stalls",
                note=f"{sample['lost']} of them lost; {note}",
                goal=lost or "none but lost ones",
                met=sample["stalls"] == (0 if lost else sample["lost"]),
            ),
        ]
    return rows


def _row(
    measure: str, unit: str, ours: float, beside: Sample | None, key: str, **options: Any
) -> Row:
    return Row(measure, unit, [ours], [beside[key]] if beside else [], BESIDE, **options)
