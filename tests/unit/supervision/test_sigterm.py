"""SIGTERM: an invocation ends in order, and then whatever was to happen to the process happens."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
import logging, os, signal, sys
from tests.support.invocations import Strategy, run_invocation, until_cancelled

logging.basicConfig(stream=sys.stdout, level=logging.INFO)
{before}

async def work():
    os.kill(os.getpid(), signal.SIGTERM)
    await until_cancelled()

def configure(config):
    config.shutdown_hooks.append(lambda: print("hook"))

run = run_invocation(configure, Strategy(work))
print("goes on after", run.report["stop_reason"])
"""


NOBODY = ""
SOMEBODY = [
    "signal.signal(signal.SIGTERM, lambda number, frame: print('handled', number))",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "os.environ['AWS_LAMBDA_RUNTIME_API'] = 'x'",  # Lambda ends it.
]


class Ended(NamedTuple):
    """What became of a process that got SIGTERM in an invocation, outside of Lambda."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def ended() -> dict[str, Ended]:
    """By what each process does before; they run side by side, since most of it is imports."""
    processes = {
        before: subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(before=before)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for before in [NOBODY, *SOMEBODY]
    }
    outputs = {before: process.communicate(timeout=60) for before, process in processes.items()}
    return {
        before: Ended(process.returncode, *outputs[before]) for before, process in processes.items()
    }


def test_process_ends_after_the_report_where_nobody_handles_the_signal(
    ended: dict[str, Ended],
) -> None:
    process = ended[NOBODY]
    assert process.returncode == -signal.SIGTERM, process.stderr
    assert "hook" in process.stdout
    assert '"stop_reason": "signal"' in process.stdout
    assert "goes on" not in process.stdout


@pytest.mark.parametrize("before", SOMEBODY)
def test_process_goes_on_where_somebody_else_is_in_charge(
    before: str, ended: dict[str, Ended]
) -> None:
    process = ended[before]
    assert process.returncode == 0, process.stderr
    assert "goes on after signal" in process.stdout
    assert ("handled 15" in process.stdout) is ("handled" in before)
