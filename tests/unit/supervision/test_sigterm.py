"""SIGTERM: an invocation ends in order, and then whatever was to happen to the process happens."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

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


def run(before: str = "") -> subprocess.CompletedProcess[str]:
    """A process that gets SIGTERM in an invocation, outside of Lambda."""
    program = PROGRAM.format(before=before)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_process_ends_after_the_report_where_nobody_handles_the_signal() -> None:
    done = run()
    assert done.returncode == -signal.SIGTERM, done.stderr
    assert "hook" in done.stdout
    assert '"stop_reason": "signal"' in done.stdout
    assert "goes on" not in done.stdout


@pytest.mark.parametrize(
    "before",
    [
        "signal.signal(signal.SIGTERM, lambda number, frame: print('handled', number))",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "os.environ['AWS_LAMBDA_RUNTIME_API'] = 'x'",  # Lambda ends it.
    ],
)
def test_process_goes_on_where_somebody_else_is_in_charge(before: str) -> None:
    done = run(before)
    assert done.returncode == 0, done.stderr
    assert "goes on after signal" in done.stdout
    assert ("handled 15" in done.stdout) is ("handled" in before)
