"""What each module adds to ``import temporalio.worker``, at a cold start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

TIMED = """
import gc, time
import temporalio.worker
# Else one of both pays for a collection of all that is there already, which takes longer than its
# whole import.
gc.collect()
begun = time.perf_counter()
{statement}
print((time.perf_counter() - begun) * 1000)
"""

STATEMENTS = {
    "ours": "from temporal_lambda import run_worker",
    "contrib": "import temporalio.contrib.aws.lambda_worker",
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds in fresh interpreters, interleaved; a first round writes the bytecode."""
    runs: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    with tempfile.TemporaryDirectory() as bytecode:
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for counts in [False] + [True] * rounds:
            for name, statement in STATEMENTS.items():
                milliseconds = _time(statement, environ)
                if counts:
                    runs[name].append(milliseconds)
    return runs


def _time(statement: str, environ: dict[str, str]) -> float:
    code = TIMED.format(statement=statement)
    return float(subprocess.check_output([sys.executable, "-c", code], env=environ, text=True))
