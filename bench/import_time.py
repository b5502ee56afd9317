"""What ``import temporal_lambda`` adds to ``import temporalio.worker``, at a cold start.

Fresh interpreters, interleaved, medians, all modules compiled before. Run: ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TIMED = """
import time
import temporalio.worker
begun = time.perf_counter()
{statement}
print((time.perf_counter() - begun) * 1000)
"""

STATEMENTS = {
    "nothing": "pass",
    "temporal_lambda": "import temporal_lambda",
    "temporalio.contrib.aws.lambda_worker": "import temporalio.contrib.aws.lambda_worker",
}


def measure(statement: str, environ: dict[str, str]) -> float:
    """Milliseconds one statement takes after ``import temporalio.worker``."""
    code = TIMED.format(statement=statement)
    return float(subprocess.check_output([sys.executable, "-c", code], env=environ, text=True))


def measure_all(rounds: int) -> dict[str, list[float]]:
    """All statements, interleaved, with bytecode written by a round that does not count."""
    runs: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    with tempfile.TemporaryDirectory() as bytecode:
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for counts in [False] + [True] * rounds:
            for name, statement in STATEMENTS.items():
                milliseconds = measure(statement, environ)
                if counts:
                    runs[name].append(milliseconds)
    return runs


def main() -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="interpreters per statement")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    runs = measure_all(options.rounds)
    figures = {
        name: {
            "median_ms": round(statistics.median(times), 2),
            "spread_ms": round(max(times) - min(times), 2),
        }
        for name, times in runs.items()
    }
    print(f"{'added to import temporalio.worker':40} {'median':>10} {'spread':>10}")
    for name, figure in figures.items():
        print(f"{name:40} {figure['median_ms']:>7} ms {figure['spread_ms']:>7} ms")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
