"""Asks a packaged handler which worker deployment version it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporal_lambda.deploy.packaging.bytecode import Interpreter
from temporal_lambda.deploy.packaging.target import Target
from temporal_lambda.describe_handler import MARK

IMPORT_TIMEOUT = 60.0
"""Seconds the import of a handler may take."""


@dataclass(frozen=True)
class Version:
    """A worker deployment version, as far as it could be found out.

    Attributes:
        deployment_name: ``None`` if unknown.
        build_id: ``None`` if unknown.
        unknown_because: Why; ``None`` if both are known.
    """

    deployment_name: str | None
    build_id: str | None
    unknown_because: str | None = None


def ask(
    handler: str, task: Path, source: Path, target: Target, interpreter: Interpreter | None
) -> Version:
    """Import a handler in a process of its own and ask it.

    Where this machine can run what was packaged, that is imported, as Lambda would. Elsewhere it is
    the project's own code, with what is installed in this environment.

    Args:
        handler: ``module.attribute``.
        task: What becomes the zip.
        source: The project's own code.
        target: What the zip is for.
        interpreter: A Python of the target's version.
    """
    if interpreter is not None and target.runs_here:
        found = describe(handler, task, interpreter.path)
    else:
        found = describe(handler, source)
    if "error" in found:
        said: list[str] = found["error"].splitlines()
        return Version(None, None, " ".join([said[0], *said[1:][-1:]]))
    if not found["deployment_name"]:
        return Version(None, None, f"{handler} was not made by temporal_lambda.run_worker")
    return Version(found["deployment_name"], found["build_id"])


def describe(
    handler: str,
    place: Path,
    python: str = sys.executable,
    *,
    configuration: bool = False,
    foreign: bool = False,
) -> dict[str, Any]:
    """What ``temporal_lambda.describe_handler`` says of a handler, in a process of its own.

    Args:
        handler: ``module.attribute``.
        place: Directory of the code.
        python: The interpreter.
        configuration: Whether to run the configure callback, too.
        foreign: Whether there may be libraries for another machine in it, so that what is installed
            for the interpreter goes first.

    Returns:
        What it says; ``error`` if nothing came of it.
    """
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(place),
        **({} if foreign else {"PYTHONPATH": str(place)}),
    }
    command = [python, "-s", "-m", "temporal_lambda.describe_handler", handler.replace("/", ".")]
    command += ["--configuration"] if configuration else []
    command += ["--path", str(place)] if foreign else []
    try:
        done = subprocess.run(
            command,
            cwd=place.parent if foreign else place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=IMPORT_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"importing it took longer than {IMPORT_TIMEOUT:.0f} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        return {"error": f"importing it ended Python: {last}"}
    return dict(json.loads(lines[-1].removeprefix(MARK)))
