"""This process: its memory, whether it runs in Lambda, how to end it, what it has warned of."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

STATUS = Path("/proc/self/status")
STAT = Path("/proc/self/stat")
"""The 22nd field says when the process began, in ticks since the machine did (proc(5))."""


def memory_mb() -> dict[str, float]:
    """Resident memory in megabytes, as the kernel counts it.

    Returns:
        ``memory_mb`` now and ``peak_memory_mb`` since the process began; empty where there is no
        ``/proc``, as on macOS.

    Example:
        >>> 0 < memory_mb()["memory_mb"] <= memory_mb()["peak_memory_mb"]
        True
    """
    try:
        fields = [line.partition(":") for line in STATUS.read_text().splitlines()]
    except OSError:
        return {}
    return {
        KEYS[name]: round(int(kilobytes.split()[0]) / 1024, 1)
        for name, _, kilobytes in fields
        if name in KEYS
    }


KEYS = {"VmRSS": "memory_mb", "VmHWM": "peak_memory_mb"}


def is_lambda() -> bool:
    """Whether this process is a Lambda runtime, rather than a script that calls a handler."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


SNAP_START = "snap-start"
MANAGED_INSTANCES = "lambda-managed-instances"


def initialization() -> str | None:
    """How Lambda began this process.

    Returns:
        ``on-demand``, ``provisioned-concurrency``, ``snap-start`` or ``lambda-managed-instances``,
        as AWS names them; ``None`` outside of Lambda.

    Example:
        >>> os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
        >>> initialization()
        'snap-start'
        >>> del os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    """
    if os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY"):
        # By this the runtime client decides whether to begin several processes.
        return MANAGED_INSTANCES
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")


def init_seconds() -> float | None:
    """Seconds that this process has taken so far, which is its init if its handler is just made.

    Returns:
        The time to a hundredth of a second, as the kernel counts it; ``None`` outside of Lambda,
        before a snapshot, since its restores begin much later, and where there is no ``/proc``.
    """
    if not is_lambda() or initialization() == SNAP_START:
        return None
    try:
        # The program's name comes first, and may contain anything.
        _, _, fields = STAT.read_text().rpartition(")")
        ticks = int(fields.split()[19])
        begun = ticks / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - begun)
    except (OSError, AttributeError, ValueError, IndexError):
        return None


def is_replaced() -> bool:
    """Whether Lambda begins another process when this one ends.

    On Managed Instances a runtime begins its processes once, and goes on with those that are left.
    """
    return is_lambda() and initialization() != MANAGED_INSTANCES


def reseed_after_restore() -> None:
    """Let restores of one snapshot draw different numbers from ``random`` (SnapStart).

    Its state is part of the snapshot, so that without this all of them would draw the same trace
    and span ids. The hook runs where it stands among those of the function: one that is registered
    later may still seed ``random`` as it likes.
    """
    if initialization() != SNAP_START:
        return
    # Part of Lambda's runtimes for Python 3.12 and later; the runtime client needs it, too.
    import random

    from snapshot_restore_py import register_after_restore

    register_after_restore(random.seed)


def end_process(error: BaseException | None) -> NoReturn:
    """End the process immediately, even if threads are still running in it.

    Args:
        error: The error the handler would have raised; it is logged here.
    """
    logger.error(
        "ending this process (recycle_environment): work that could not be stopped would harm the "
        "next invocation, which will start in a new execution environment",
        exc_info=error,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    # sys.exit would wait for those threads.
    os._exit(1)


_given: set[tuple[str, str, str]] = set()


def warn_once(logger: logging.Logger, message: str, *arguments: Any, about: str = "") -> None:
    """Log a warning, unless this process has logged it before.

    Args:
        logger: Where to.
        message: With placeholders for the arguments; two warnings are the same if their messages
            are, whatever the arguments.
        arguments: Fill in the message.
        about: What it is about, if it is to be given once for each such thing.

    Example:
        >>> for seconds in (4.5, 4.4):
        ...     warn_once(logging.getLogger("example"), "only %.1f s are left", seconds)
    """
    if (key := (logger.name, message, about)) not in _given:
        _given.add(key)
        logger.warning(message, *arguments)


def forget_warnings() -> None:
    """Let every warning be given once more; for tests, which share a process."""
    _given.clear()
