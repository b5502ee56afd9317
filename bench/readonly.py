"""Runs a function from a directory that it may not write, as another user, in the local Lambda.

``python -m bench.readonly DIRECTORY ROUNDS`` prints one JSON object per invocation, each in a new
execution environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporal_lambda.local import Function, LambdaService

NOBODY = "65534"

ANOTHER_USER = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    # The interpreter may lie where only its owner may look; nothing may be written all the same.
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)
"""Runs a command as a user that owns nothing."""


def can_be_another_user() -> bool:
    """Whether this process may become another user."""
    return os.geteuid() == 0 and shutil.which("setpriv") is not None


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a zip as Lambda does: readable for all, writable for nobody."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)
    for path in [directory, *directory.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def invoke(directory: Path, rounds: int, python: str = sys.executable) -> list[dict[str, Any]]:
    """Invoke the handler of a directory, cold each time.

    Args:
        directory: Code with a ``handler.lambda_handler``.
        rounds: How often.
        python: Runs the local Lambda, and so the function.

    Returns:
        Of each invocation ``init_ms``, ``status``, ``error`` and ``log``.
    """
    done = subprocess.run(
        [*ANOTHER_USER, python, "-m", "bench.readonly", str(directory), str(rounds)],
        capture_output=True,
        text=True,
        timeout=60 + 10 * rounds,
        env={**os.environ, "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": ""},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


async def _run(directory: Path, rounds: int) -> None:
    async with LambdaService() as service:
        function = Function(
            "packaged",
            "handler.lambda_handler",
            directory,
            timeout=timedelta(seconds=20),
            # Nobody listens there: the import is what counts, and the connection fails at once.
            environment={"TEMPORAL_ADDRESS": "127.0.0.1:1"},
        )
        service.add(function)
        for _ in range(rounds):
            service.recycle(function.name)
            record, _ = await service.invoke(function, b"{}")
            print(
                json.dumps(
                    {
                        "init_ms": record.init_ms,
                        "status": record.status,
                        "error": record.error,
                        "log": list(record.log),
                    }
                )
            )


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), int(sys.argv[2])))
