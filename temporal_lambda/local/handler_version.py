"""Asks a handler which version it is and whether it needs a server, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.describe_handler import MARK
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.function import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.pipes import Lines, Pipe

TIMEOUT = 60.0
"""Seconds the import of a handler may take."""


async def version_of(function: Function, guardian: Guardian) -> WorkerDeploymentVersion:
    """The version that a function's handler was made for.

    Args:
        function: The function, with its complete environment.
        guardian: Owns the process in which the handler is imported.

    Raises:
        LocalStackError: The handler can't be imported or called, or does not know its version.
    """
    found = await _describe(function, guardian)
    if not found["deployment_name"]:
        raise LocalStackError(
            f"handler {function.handler} was not made by temporal_lambda.run_worker, so its "
            "deployment version is unknown: pass it to deploy(), or as --version NAME:BUILD to "
            "temporal-lambda dev. If it is the contrib module's, changing its import will do"
        )
    return WorkerDeploymentVersion(found["deployment_name"], found["build_id"])


async def connects(function: Function, guardian: Guardian) -> bool:
    """Whether a function's handler needs a Temporal server, as far as this package has made it.

    Args:
        function: The function, with its complete environment.
        guardian: Owns the process in which the handler is imported.

    Raises:
        LocalStackError: The handler can't be imported or called.
    """
    found = await _describe(function, guardian)
    # An older package, which may lie beside the handler, does not say it: its handlers all do.
    return bool(found.get("connects", found["deployment_name"]))


async def _describe(function: Function, guardian: Guardian) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await _line_of(function, guardian))
    if "error" in found:
        raise LocalStackError(f"handler {function.handler}: {found['error']}")
    return found


async def _line_of(function: Function, guardian: Guardian) -> str:
    output: list[str] = []
    pipe = Pipe(Lines(output.append))
    try:
        process = await guardian.spawn(
            *(sys.executable, "-m", "temporal_lambda.describe_handler", function.handler),
            env=function.process_environment("127.0.0.1:0", "describe"),
            cwd=function.code,
            output=pipe.end,
        )
    finally:
        pipe.close_end()
    try:
        await asyncio.wait_for(process.wait(), TIMEOUT)
    except asyncio.TimeoutError:
        raise LocalStackError(
            f"importing {function.handler} took longer than {TIMEOUT:.0f} s"
        ) from None
    finally:
        await guardian.end(process)
        pipe.close()
    line = next((line for line in output if line.startswith(MARK)), None)
    if line is None:
        said = "\n".join(output)
        raise LocalStackError(f"importing {function.handler} ended Python:\n{said}")
    return line.removeprefix(MARK)
