"""What telemetry adds to a short invocation, with a collector and without one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bench import log_values, workers
from bench.endurance import RESOURCES
from bench.results import Measured, Row
from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.temporal_server import free_port
from tests.support.collector import collecting

WARM_UP = 10
WINDOW = 20
ADDED_MS = 4.0
ADDED_WITHOUT_MS = 5.0
SLOW = 3
"""How often contrib is invoked without a collector; it waits for more than 6 s each time."""

ABOUT = (
    "The same function three times: without telemetry, with ours, with contrib's "
    "`otel.apply_defaults` in the same handler. In each invocation a worker polls, works for 20 ms "
    "and closes. They take turns, and each value is the duration of an invocation less that of the "
    "one without telemetry in the same round. The collector is rotel, on loopback, and takes "
    "everything. *Without a collector* nothing listens where telemetry is sent to; the first "
    "invocation, which finds that out, is left out of the figures."
)

Durations = dict[str, list[float]]


async def measure(quick: bool) -> Measured:
    """Round after round, one invocation of each."""
    rounds = 10 if quick else 200
    async with LocalStack() as stack, collecting() as endpoint:
        functions = {whose: _function(whose, endpoint) for whose in ("none", "ours", "contrib")}
        found, last = await _take_turns(stack, functions, WARM_UP + rounds, WARM_UP)
        gone = f"http://127.0.0.1:{free_port()}"
        without = {whose: _function(whose, gone, "-gone") for whose in ("none", "ours")}
        lost, _ = await _take_turns(stack, without, WARM_UP + rounds // 2, WARM_UP)
        slow = {whose: _function(whose, gone, "-slow") for whose in ("none", "contrib")}
        theirs, _ = await _take_turns(stack, slow, 1 + SLOW, 1)
    rows = [
        Row(
            "a warm invocation of 20 ms without telemetry",
            "ms",
            found["none"],
            other="",
            better="neither",
        ),
        _added("added by telemetry", found, found, ADDED_MS),
        _added("added without a collector", lost, theirs, ADDED_WITHOUT_MS),
        *(_growth(name, last, rounds) for name in RESOURCES),
    ]
    return Measured("Telemetry", ABOUT, rows)


def _function(whose: str, endpoint: str, suffix: str = "") -> Function:
    return Function(
        f"telemetry-{whose}{suffix}",
        "telemetry.lambda_handler",
        workers.FUNCTIONS,
        timeout=timedelta(seconds=20),
        environment={"TELEMETRY": whose, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
        retries=0,
    )


async def _take_turns(
    stack: LocalStack, functions: Mapping[str, Function], rounds: int, warm_up: int
) -> tuple[Durations, dict[str, list[InvocationRecord]]]:
    """Milliseconds from the handler's entry to its report, and the records, of the warm rounds."""
    created = {whose: stack.create(function) for whose, function in functions.items()}
    records: dict[str, list[InvocationRecord]] = {whose: [] for whose in functions}
    for _ in range(rounds):
        for whose, function in created.items():
            record, _answer = await stack.service.invoke(function, b"{}")
            records[whose].append(record)
    warm = {whose: found[warm_up:] for whose, found in records.items()}
    durations = {
        whose: [float(record.report["duration_ms"]) for record in found if record.report]
        for whose, found in warm.items()
    }
    return durations, warm


def _added(measure: str, ours: Durations, theirs: Durations, goal: float) -> Row:
    added = _less(ours["ours"], ours["none"])
    return Row(
        f"{measure}, to a warm invocation of 20 ms",
        "ms",
        added,
        _less(theirs["contrib"], theirs["none"]),
        goal=f"at most {goal:.0f} ms",
        met=statistics.median(added) <= goal,
    )


def _less(durations: Sequence[float], without: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(durations, without, strict=True)]


def _growth(name: str, records: Mapping[str, list[InvocationRecord]], rounds: int) -> Row:
    grown = {
        whose: _grown(log_values.values(found, "back", name)) for whose, found in records.items()
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
