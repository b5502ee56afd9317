"""A process that calls a handler outside of Lambda, where it works until it is told to stop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from temporal_lambda.local import LocalStack
from tests.support.lambdas import FUNCTIONS

PROGRAM = """
import logging, sys
logging.basicConfig(stream=sys.stdout)
import surroundings
surroundings.lambda_handler({}, None)
"""


@contextmanager
def by_hand(stack: LocalStack, name: str) -> Iterator[subprocess.Popen[str]]:
    """Serve a task queue, as the deployment of its name, until the block ends."""
    env = {"TEMPORAL_ADDRESS": stack.temporal_address, "QUEUE": name, "DEPLOYMENT": name}
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM],
        cwd=FUNCTIONS,
        env={**os.environ, **env, "FAULT": "none", "ARMED": "none"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
