"""What a benchmark's function tells about itself, in lines of its log that a program can read."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

MARK = "BENCH "
"""How such a line begins; a JSON object follows."""


def tell(what: str, **values: Any) -> None:
    """Print one line."""
    print(MARK + json.dumps({"what": what, **values}), flush=True)


def resources() -> dict[str, int]:
    """Threads, open file descriptors and resident memory (KiB) of this process."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return {
        "threads": len(os.listdir("/proc/self/task")),
        "fds": len(os.listdir("/proc/self/fd")),
        "rss_kib": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
    }


if not sys.platform.startswith("linux"):
    raise ImportError("the benchmarks read /proc, so they run on Linux only")
