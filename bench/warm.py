"""The warm start, with the server 50 ms away and behind TLS."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from temporalio.client import Client
from temporalio.service import TLSConfig

from bench import load, log_values, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.certificates import Certificates
from tests.support.proxy import distant

ROUND_TRIP = 0.05
FREEZE = 6.0
"""Seconds of pause, so long that networks may have dropped an idle connection."""

OVERHEAD = 10.0
"""Milliseconds that all but the network may take at most."""

ABOUT = (
    "The server is reached through a proxy that speaks TLS and makes each round trip take 50 ms. A "
    "workflow of one activity that does nothing is started; the controller invokes the function, "
    "whose environment is warm. A worker plugin tells when the worker begins to run, counted from "
    "the entry of the handler; the server tells when the workflow was done. In the first pair of "
    "rows the environment was used a few seconds before, in the second it was frozen for 6 s."
)

Samples = dict[str, list[float]]


async def measure(quick: bool) -> Measured:
    """Interleaved: one invocation of each worker after the other."""
    soon, late = (3, 2) if quick else (15, 10)
    with tempfile.TemporaryDirectory() as folder:
        certificates = Certificates(Path(folder))
        async with (
            LocalStack() as stack,
            distant(stack.temporal_address, ROUND_TRIP, certificates.server()) as proxy,
        ):
            environment = {"TEMPORAL_ADDRESS": proxy.address, **certificates.settings()}
            both = await workers.deploy_all(
                stack,
                *(
                    workers.function(
                        worker,
                        # Contrib's invocations last as long as ours, about 1.5 s.
                        timeout=2.0 if worker == "contrib" else 10.0,
                        idle=0.3,
                        shutdown=(0.2, 0.5),
                        concurrency=1,
                        environment=environment,
                    )
                    for worker in WORKERS
                ),
            )
            started: dict[str, Samples] = {}
            done: dict[str, Samples] = {}
            for name, pause, repeats in (("soon", 0.0, soon), ("late", FREEZE, late)):
                started[name], done[name] = await _repeat(stack, both, pause, repeats)
            trips = await _round_trips(proxy.address, certificates, soon)
    late_goal = OVERHEAD + statistics.median(trips)
    rows = [
        Row("a round trip: health check of an open connection", "ms", trips, better="neither"),
        _row("warm start, used seconds ago", started["soon"], "at most 10 ms", OVERHEAD),
        _row(
            "warm start, after a freeze of 6 s",
            started["late"],
            "at most 10 ms more than a round trip",
            late_goal,
        ),
        _row("queued workflow done, used seconds ago", done["soon"], "", None),
        _row("queued workflow done, after a freeze of 6 s", done["late"], "", None),
    ]
    return Measured("Warm start, TLS, 50 ms round trip", ABOUT, rows)


async def _repeat(
    stack: LocalStack, both: list[Deployed], pause: float, repeats: int
) -> tuple[Samples, Samples]:
    """Milliseconds until the worker runs, and until the workflow is done, per worker."""
    started: Samples = {worker: [] for worker in WORKERS}
    done: Samples = {worker: [] for worker in WORKERS}
    # The first round only brings both to the same state.
    for counts in [False] + [True] * repeats:
        await asyncio.sleep(pause)
        for deployed in both:
            name = deployed.function.name
            before = stack.service.invocations
            handle = await load.start(stack, deployed.task_queue, 0.0)
            await handle.result()
            closed = await load.closed_at(handle)
            await workers.until_idle(stack, name)
            first = workers.records(stack, name, after=before)[0]
            line = log_values.line(first, "started")
            if counts and line:
                started[name].append(line["ms"])
                done[name].append((closed - line["entered_at"]) * 1000)
    return started, done


async def _round_trips(address: str, certificates: Certificates, repeats: int) -> list[float]:
    """Milliseconds that a bare health check takes."""
    tls = TLSConfig(server_root_ca_cert=certificates.server_ca.read_bytes(), domain="localhost")
    client = await Client.connect(address, tls=tls)
    trips = []
    for _ in range(repeats):
        begun = time.perf_counter()
        await client.service_client.check_health()
        trips.append((time.perf_counter() - begun) * 1000)
    return trips


def _row(measure: str, samples: Samples, goal: str, at_most: float | None) -> Row:
    row = Row(measure + ", from handler entry", "ms", samples["ours"], samples["contrib"])
    if at_most is None:
        return row
    met = statistics.median(row.ours) <= at_most
    return replace(row, goal=goal, met=met)
