"""How fast one worker works off a full queue, against temporalio's Worker in a plain process."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from temporalio.common import WorkerDeploymentVersion

from bench import bare, load, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.worker_deployment import set_current, wait_until_bound, wait_until_routed

REGISTERED_SECONDS = 30.0
"""How long the server may take to note a version after its first poll; about 1 s in fact."""

STARTS_AT_ONCE = 50

FULL, QUICK = (9, 200, 15.0), (2, 60, 6.0)
"""Rounds, workflows in each, and the function's timeout in seconds."""

WORKS = {"an activity of 20 ms": 0.02, "an activity that does nothing": 0.0}
"""Seconds each activity awaits: as calls to other services do, and the extreme that is all CPU."""

ABOUT = (
    "Workflows of one activity wait in the queue; then one invocation works them off, or "
    "temporalio's Worker with the same options in a plain process that stays alive between the "
    "rounds. The rate is that of the server's completion times, first to last. The three take "
    "turns, each round beginning with another; no worker controller takes part."
)

Serve = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]


async def measure(quick: bool) -> Measured:
    """Interleaved: ours, contrib, bare, and again."""
    rounds, workflows, timeout = QUICK if quick else FULL
    names = (*WORKERS, bare.NAME)
    rates = {work: {name: list[float]() for name in names} for work in WORKS}
    async with LocalStack() as stack, bare.bare_worker(stack.temporal_address) as plain:
        functions = {
            worker: stack.create(
                workers.function(worker, timeout=timeout, idle=1.0, shutdown=(0.2, 0.5))
            )
            for worker in WORKERS
        }

        async def in_a_function(name: workers.Worker, done: Callable[[], Awaitable[None]]) -> None:
            waiting = asyncio.ensure_future(done())
            await stack.service.invoke(functions[name], b"{}")
            if not (await asyncio.wait({waiting}, timeout=1))[0]:
                waiting.cancel()
                raise RuntimeError(f"{name} did not work off the queue within its {timeout:g} s")
            await waiting

        async def in_a_process(done: Callable[[], Awaitable[None]]) -> None:
            await plain.start()
            await done()
            await plain.stop()

        serve: dict[str, Serve] = {
            "ours": lambda done: in_a_function("ours", done),
            "contrib": lambda done: in_a_function("contrib", done),
            bare.NAME: in_a_process,
        }
        for name in serve:
            await serve[name](partial(_route, stack, name))
        for number in range(rounds + 1):
            for work, seconds in WORKS.items():
                for name in _beginning_with(number, names):
                    handles = await _queue(stack, name, workflows, seconds)
                    await serve[name](partial(_all_done, handles))
                    if number > 0:
                        rates[work][name].append(await _rate(handles))
    rows = [row for work, found in rates.items() for row in _rows(work, found)]
    return Measured("Throughput", ABOUT, rows)


def _beginning_with(number: int, names: Sequence[str]) -> Sequence[str]:
    """Another one first each time: the server slows down as its database grows."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


async def _route(stack: LocalStack, name: str) -> None:
    """Make a version current as soon as the server knows it by the polls of its worker."""
    version = WorkerDeploymentVersion(name, "1")
    await wait_until_bound(stack.client, version, REGISTERED_SECONDS)
    await set_current(stack.client, version, patience=REGISTERED_SECONDS)
    await wait_until_routed(stack.client, name, REGISTERED_SECONDS)


async def _queue(
    stack: LocalStack, task_queue: str, count: int, seconds: float
) -> list[load.Handle]:
    """Start so many workflows while nobody works."""
    room = asyncio.Semaphore(STARTS_AT_ONCE)

    async def start() -> load.Handle:
        async with room:
            return await load.start(stack, task_queue, seconds)

    return await asyncio.gather(*(start() for _ in range(count)))


async def _all_done(handles: list[load.Handle]) -> None:
    """Wait for them one after the other: many waits at once would load the server."""
    for handle in handles:
        await handle.result()


async def _rate(handles: list[load.Handle]) -> float:
    """Workflows per second, from the first completion to the last."""
    closed = [await load.closed_at(handle) for handle in handles]
    return (len(closed) - 1) / (max(closed) - min(closed))


def _rows(work: str, rates: dict[str, list[float]]) -> list[Row]:
    ratio = statistics.median(rates["ours"]) / statistics.median(rates[bare.NAME])
    return [
        Row(
            f"workflows per second with {work}, beside a bare worker",
            "/s",
            rates["ours"],
            rates[bare.NAME],
            other="bare worker",
            better="higher",
            goal="at least 0.95 of it",
            met=ratio >= 0.95,
        ),
        Row(
            f"workflows per second with {work}, beside contrib",
            "/s",
            rates["ours"],
            rates["contrib"],
            better="higher",
        ),
    ]
