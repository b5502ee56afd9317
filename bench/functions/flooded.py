"""A function that does as its event says; without Temporal, since the local Lambda is measured."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

LINE = "a line of some length, as a library prints it for each of its requests"
BURST = 100


def lambda_handler(event: dict[str, Any], context: Any) -> str:
    if "seconds" in event:
        time.sleep(event["seconds"])
    if "lines" in event:
        _print(event["lines"], event.get("per_second"))
    if event.get("exit"):
        os._exit(1)
    return "done"


def _print(lines: int, per_second: float | None) -> None:
    begun = time.monotonic()
    for number in range(0, lines, BURST):
        sys.stdout.write("".join(f"{LINE} {number + i}\n" for i in range(BURST)))
        if per_second:
            time.sleep(max(0.0, begun + (number + BURST) / per_second - time.monotonic()))
