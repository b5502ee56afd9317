"""The parts of the benchmark, and how long each takes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from bench import (
    at_rest,
    auto,
    billed,
    burst,
    cold,
    cost,
    dagster_code,
    endurance,
    flood,
    packaged,
    results,
    stress,
    stuck,
    telemetry,
    throughput,
    warm,
)

PARTS: dict[str, Callable[[bool], Coroutine[Any, Any, results.Measured]]] = {
    "billed": billed.measure,
    "warm": warm.measure,
    "cold": cold.measure,
    "packaged": packaged.measure,
    "endurance": endurance.measure,
    "telemetry": telemetry.measure,
    "flood": flood.measure,
    "stuck": stuck.measure,
    "throughput": throughput.measure,
    "burst": burst.measure,
    "stress": stress.measure,
    "auto": auto.measure,
    "resonance": auto.measure_resonant,
    "at_rest": at_rest.measure,
    "cost": cost.measure,
    "dagster_code": dagster_code.measure,
}

MINUTES = {
    "billed": 9,
    "warm": 5,
    "cold": 2,
    "packaged": 2,
    "endurance": 8,
    "telemetry": 2,
    "flood": 1,
    "stuck": 2,
    "throughput": 6,
    "burst": 3,
    "stress": 14,
    "auto": 9,
    "resonance": 5,
    "at_rest": 4,
    "cost": 12,
    "dagster_code": 3,
}
"""About how long each part takes on two CPUs that have nothing else to do."""
