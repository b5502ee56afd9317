"""A handler called outside of Lambda: no context, no deadline, Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

from temporal_lambda.local import LocalStack
from tests.support.lambdas import FUNCTIONS
from tests.support.proxy import Proxy

CODE = "import lifecycle; lifecycle.lambda_handler({}, None)"


def start(address: str, code: str = CODE, **variables: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "TEMPORAL_ADDRESS": address, "QUEUE": "by-hand", **variables}
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        cwd=FUNCTIONS,
        env=environ,
        stdin=subprocess.PIPE,
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
    with start(stack.temporal_address) as process:
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


TWO_CALLS = """
import lifecycle, sys
for _ in range(2):
    lifecycle.lambda_handler({}, None)
    print("EVENT back")
    sys.stdin.readline()
"""

LISTENS_FOR = 1.5
"""Seconds. Core's own pings, every 30 s, begin when the connection does."""


async def test_no_byte_leaves_over_the_kept_connection_once_the_handler_is_back(
    stack: LocalStack,
) -> None:
    """Lambda freezes the process; a call that is under way then would fail in the thaw."""
    async with Proxy(stack.temporal_address) as proxy:
        with start(proxy.address, TWO_CALLS, TEMPORAL_LAMBDA_IDLE_TIMEOUT="300ms") as process:
            for _ in range(2):
                await asyncio.to_thread(read_until, process, "EVENT back")
                # What was sent before is on its way through the proxy.
                await asyncio.sleep(0.2)
                before = proxy.forwarded
                await asyncio.sleep(LISTENS_FOR)
                assert proxy.forwarded == before > 0
                assert process.stdin
                process.stdin.write("go on\n")
                process.stdin.flush()
            await asyncio.to_thread(process.communicate, timeout=20)
        assert process.returncode == 0
        assert proxy.accepted == 1
