"""Executors that outlive an invocation, and whether what was abandoned has used them up.

A thread that never ends keeps its place in its executor for as long as the process lives. Where the
executor is made once, at module level, every later activity would wait for a thread in vain, be
handed back and retried, in one invocation after the other.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, TimeoutError
from typing import Any
from weakref import WeakSet

logger = logging.getLogger("temporal_lambda.invocation")

OPTIONS = ("activity_executor", "workflow_task_executor", "nexus_task_executor")
"""The worker's options that may hold an executor."""

PROBE = 0.05
"""Seconds that an executor has to begin with a task that does nothing."""


class KnownExecutors:
    """What an execution environment knows of the executors its invocations have used."""

    def __init__(self) -> None:
        self._seen: WeakSet[Executor] = WeakSet()
        self._suspected: WeakSet[Executor] = WeakSet()

    def used_up(self, worker_configs: Sequence[Mapping[str, Any]], *, suspect: bool) -> list[str]:
        """The options whose executor will serve the next invocation as well, and begin nothing.

        Called at the end of each invocation.

        Args:
            worker_configs: The options of the invocation's workers.
            suspect: Whether something was abandoned that may be in an executor.
        """
        found = []
        for executor, option in _executors(worker_configs).items():
            if (suspect or executor in self._suspected) and not _begins_something(executor):
                self._suspected.add(executor)
                if executor in self._seen or _is_global(executor):
                    found.append(option)
            self._seen.add(executor)
        return found


def _executors(worker_configs: Sequence[Mapping[str, Any]]) -> dict[Executor, str]:
    """The executors of all workers, each once, with the first option that has it."""
    found: dict[Executor, str] = {}
    for config in worker_configs:
        for option in OPTIONS:
            executor = config.get(option)
            if isinstance(executor, Executor):
                found.setdefault(executor, option)
    return found


def _begins_something(executor: Executor) -> bool:
    try:
        probe = executor.submit(_nothing)
    except BrokenExecutor:
        return False
    except RuntimeError:
        return True  # It was shut down, so it is none for the next invocation.
    try:
        probe.result(timeout=PROBE)
    except TimeoutError:
        return not probe.cancel()
    except BrokenExecutor:
        return False
    return True


def _nothing() -> None:
    """At module level, since a process pool finds it by its name."""


def _is_global(executor: Executor) -> bool:
    """Whether a module holds it: then it is made once per process."""
    return any(
        value is executor
        for module in list(sys.modules.values())
        for value in list(getattr(module, "__dict__", {}).values())
    )
