"""A handler called outside of Lambda: no context, no deadline, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from temporal_lambda.local import LocalStack
from tests.support.lambdas import FUNCTIONS

CODE = "import lifecycle; lifecycle.lambda_handler({}, None)"


def start(stack: LocalStack) -> subprocess.Popen[str]:
    environ = {**os.environ, "TEMPORAL_ADDRESS": stack.temporal_address, "QUEUE": "by-hand"}
    return subprocess.Popen(
        [sys.executable, "-u", "-c", CODE],
        cwd=FUNCTIONS,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout
    for read in process.stdout:
        if read.strip() == line:
            return
    raise AssertionError(f"{line!r} was not printed")


async def test_it_works_until_ctrl_c_and_closes_what_was_opened(stack: LocalStack) -> None:
    with start(stack) as process:
        read_until(process, "EVENT work")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert output.split("\n")[:-1] == [
        "EVENT drained",
        "EVENT hook",
        "EVENT released",
        "EVENT teardown",
    ]
    assert errors.rstrip().endswith("KeyboardInterrupt")
