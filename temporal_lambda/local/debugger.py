"""debugpy, which lets an editor's debugger attach to a function."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from importlib.util import find_spec

from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.ports import require_free

logger = logging.getLogger(__name__)

VARIABLES: Mapping[str, str] = {
    # The SDK gives up a workflow that stands still for 2 s, and its sandbox refuses the debugger.
    "TEMPORAL_DEBUG": "1",
    # A warning about frozen modules, of the standard library alone.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
"""Variables of a function that is debugged."""

FREED_WITHIN = 5.0
"""Seconds in which a process that was ended gives its port free."""


def require() -> None:
    """Refuse to go on without debugpy.

    Raises:
        LocalStackError: It is not installed here, where functions run.
    """
    if find_spec("debugpy") is None:
        raise LocalStackError("--debug needs debugpy: pip install debugpy")


def arguments(port: int | None) -> list[str]:
    """What Python is given, before ``-m`` and a module, so that a debugger may attach.

    Args:
        port: Where it is to listen on 127.0.0.1; ``None`` for no debugger.
    """
    if port is None:
        return []
    return ["-X", "frozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{port}"]


async def until_free(port: int) -> None:
    """Wait until the process before this one has given a port free; not for ever, but with a word.

    Args:
        port: A port of 127.0.0.1.
    """
    gives_up = time.monotonic() + FREED_WITHIN
    while not _is_free(port):
        if time.monotonic() > gives_up:
            logger.warning(
                "port %s is still in use, so no debugger can attach there: free it, or choose "
                "another one with --debug-port",
                port,
            )
            return
        await asyncio.sleep(0.02)


def _is_free(port: int) -> bool:
    try:
        require_free(port)
    except LocalStackError:
        return False
    return True
