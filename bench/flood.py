"""Floods for the local Lambda: is anything lost, and how much memory does it take?"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.results import Measured, Row

MEMORY_GOAL_MIB = 200.0
PATH = "/2015-03-31/functions/flooded/invocations"
MEBIBYTE = 1024 * 1024
PATIENCE = 180.0
"""Seconds."""

ABOUT = (
    "The local Lambda in a process of its own, one function with a concurrency of 60, no Temporal "
    "server. One after the other: Events that are queued at once; calls at once, of which 60 are "
    "served and the others throttled, as on AWS; payloads of 6 MB; Events whose process ends in "
    "each of their three attempts; a function that prints 10,000 lines a second. Counted is what "
    "neither was recorded nor ended among the dropped events, and the growth of the service's peak "
    "resident memory over all of it."
)


@dataclass
class Service:
    """The running service, seen from outside."""

    process: asyncio.subprocess.Process
    url: str
    http: aiohttp.ClientSession
    began_with: float

    async def ask(self) -> dict[str, float]:
        """What it holds now."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"what now\n")
        return dict(json.loads(await self.process.stdout.readline()))

    async def invoke(self, event: object, *, waits: bool = True) -> int:
        """The status of the answer."""
        headers = {} if waits else {"X-Amz-Invocation-Type": "Event"}
        async with self.http.post(self.url, data=json.dumps(event), headers=headers) as response:
            await response.read()
            return response.status

    async def count(self, what: str, expected: float) -> float:
        """How many there are of something, once it is so many or patience is at its end."""
        gives_up = time.monotonic() + PATIENCE
        while (found := (await self.ask())[what]) < expected and time.monotonic() < gives_up:
            await asyncio.sleep(0.1)
        return found


@asynccontextmanager
async def _serving() -> AsyncIterator[Service]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.flooded_service"),
        stdin=pipe,
        stdout=pipe,
        # One line for each event that is dropped.
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    first = json.loads(await process.stdout.readline())
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector) as http:
            yield Service(process, first["endpoint"] + PATH, http, first["peak_mib"])
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


async def measure(quick: bool) -> Measured:
    """All floods, one after the other."""
    share = 0.1 if quick else 1.0
    events, crashes, lines = round(2_000 * share), round(100 * share), round(100_000 * share)
    async with _serving() as service:
        await _all(service.invoke({}, waits=False) for _ in range(events))
        lost = events - await service.count("records", events)
        calls = await _all(service.invoke({"seconds": 0.2}) for _ in range(200))
        large = [await service.invoke({"text": "x" * (6 * MEBIBYTE - 100)}) for _ in range(10)]
        await _all(service.invoke({"exit": True}, waits=False) for _ in range(crashes))
        dropped = await service.count("dropped", crashes)
        printed = await service.invoke({"lines": lines, "per_second": 10_000})
        held = await service.ask()
    grown = held["peak_mib"] - service.began_with
    unanswered = 200 - calls[200] - calls[429] + large.count(413) + (printed != 200)
    return Measured(
        "Floods",
        ABOUT,
        [
            _count(f"{events} queued events, lost", lost),
            _count("200 calls at once, 6 MB payloads and 10,000 lines/s, not answered", unanswered),
            _count(f"{3 * crashes} crashes of events, lost", crashes - dropped),
            Row(
                "growth of peak memory",
                "MiB",
                [grown],
                goal=f"at most {MEMORY_GOAL_MIB:.0f} MiB",
                met=grown <= MEMORY_GOAL_MIB,
            ),
        ],
        {},
    )


async def _all(calls: Iterable[Coroutine[Any, Any, int]]) -> Counter[int]:
    return Counter(await asyncio.gather(*calls))


def _count(measure: str, value: float) -> Row:
    return Row(measure, "", [value], goal="none", met=not value)
