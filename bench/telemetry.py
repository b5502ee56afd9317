"""What telemetry adds to a short invocation, with a collector and without one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bench import log_values, workers
from bench.endurance import RESOURCES
from bench.results import Measured, Row
from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.ports import free_port
from tests.support.collector import collecting

WARM_UP = 10
WINDOW = 20
ADDED_MS = 4.0
ADDED_WITHOUT_MS = 5.0
SLOW = 3
"""How often contrib is invoked without a collector; it waits for more than 6 s each time."""

ABOUT = (
    "The same function three times: without telemetry, with ours, with contrib's "
    "`otel.apply_defaults` in the same handler. An invocation works for 20 ms and no worker polls, "
    "or one polls for 0.1 s and closes, and Core has metrics to send. They take turns, and each "
    "value is the duration of an invocation less that of the one without telemetry in the same "
    "round. The collector is rotel, on loopback, and takes everything. *Without a collector* "
    "nothing listens where telemetry is sent to; the first invocations, of which one finds that "
    "out, are left out of the figures."
)


async def measure(quick: bool) -> Measured:
    """Round after round, one invocation of each."""
    rounds = 10 if quick else 200
    three = ("none", "ours", "contrib")
    async with LocalStack() as stack, collecting() as endpoint:
        gone = f"http://127.0.0.1:{free_port()}"

        def turns(whose: Sequence[str], place: str, suffix: str, *, polls: bool = False) -> Turns:
            return Turns(stack, {name: _function(name, place, suffix, polls) for name in whose})

        short = await turns(three, endpoint, "").take(WARM_UP, rounds)
        polling = await turns(three, endpoint, "-polls", polls=True).take(WARM_UP, rounds)
        lost = await turns(three[:2], gone, "-gone").take(WARM_UP, rounds)
        slow = await turns(("none", "contrib"), gone, "-slow").take(1, SLOW)
    rows = [
        _added("added to a warm invocation of 20 ms", short, short, ADDED_MS),
        _added("added to a warm invocation whose worker polled", polling, polling, None),
        _added("added to one of 20 ms without a collector", lost, slow, ADDED_WITHOUT_MS),
        *(_growth(name, polling, rounds) for name in RESOURCES),
    ]
    return Measured("Telemetry", ABOUT, rows)


def _function(whose: str, endpoint: str, suffix: str, polls: bool) -> Function:
    return Function(
        f"telemetry-{whose}{suffix}",
        "telemetry.lambda_handler",
        workers.FUNCTIONS,
        timeout=timedelta(seconds=20),
        environment={
            "TELEMETRY": whose,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "POLLS": "1" if polls else "",
        },
        retries=0,
    )


class Turns:
    """Invocations of several functions, one of each after the other.

    Args:
        stack: Where they run.
        functions: By whose telemetry they have.

    Attributes:
        records: The warm ones, in the order in which they ended.
    """

    def __init__(self, stack: LocalStack, functions: Mapping[str, Function]) -> None:
        self._stack = stack
        self._functions = {whose: stack.create(made) for whose, made in functions.items()}
        self.records: dict[str, list[InvocationRecord]] = {whose: [] for whose in functions}

    async def take(self, warm_up: int, rounds: int) -> Turns:
        """Run so many rounds, and keep all but the first ones."""
        for number in range(warm_up + rounds):
            for whose, function in self._functions.items():
                record, _ = await self._stack.service.invoke(function, b"{}")
                if number >= warm_up:
                    self.records[whose].append(record)
        return self

    def added(self, whose: str) -> list[float]:
        """Milliseconds from the handler's entry to its report, beyond those without telemetry."""
        return [
            one.report["duration_ms"] - other.report["duration_ms"]
            for one, other in zip(self.records[whose], self.records["none"], strict=True)
            if one.report and other.report
        ]


def _added(measure: str, ours: Turns, theirs: Turns, goal: float | None) -> Row:
    added = ours.added("ours")
    row = Row(measure, "ms", added, theirs.added("contrib"))
    if goal is None:
        return row
    return replace(row, goal=f"at most {goal:.0f} ms", met=statistics.median(added) <= goal)


def _growth(name: str, turns: Turns, rounds: int) -> Row:
    grown = {
        whose: _grown(log_values.values(found, "back", name))
        for whose, found in turns.records.items()
    }
    memory = name == "rss_kib"
    scale = 1024 if memory else 1
    return Row(
        f"growth of {RESOURCES[name]} over {rounds} invocations",
        "MiB" if memory else "",
        [grown["ours"] / scale],
        [grown["contrib"] / scale],
        goal="at most 5 MiB" if memory else "none",
        met=grown["ours"] / scale <= (5 if memory else 0),
    )


def _grown(values: list[float]) -> float:
    window = min(WINDOW, len(values) // 2)
    return statistics.median(values[-window:]) - statistics.median(values[:window])
