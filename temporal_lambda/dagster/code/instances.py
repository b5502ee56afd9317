"""Dagster instances without storage, each lent to one execution at a time.

Making one takes some 80 ms (SQLite in memory, with its migrations), which is more than a step
needs, so they are kept for the next execution.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance, DagsterRun


class Instances:
    """Instances that are kept.

    Example:
        >>> instances = Instances()
        >>> with instances.lend(DagsterRun("etl", run_id="9d6c")) as instance:
        ...     instance.has_run("9d6c")
        True
        >>> instance.has_run("9d6c")
        False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[DagsterInstance] = []

    @contextmanager
    def lend(self, run: DagsterRun) -> Iterator[DagsterInstance]:
        """An instance that knows a run, and nothing else.

        Args:
            run: The run.
        """
        with self._lock:
            instance = self._idle.pop() if self._idle else None
        if instance is None:
            instance = DagsterInstance.ephemeral()
        try:
            instance.add_run(run)
            yield instance
            instance.delete_run(run.run_id)
        except BaseException:
            # It might be in any state, and is given up.
            instance.dispose()
            raise
        with self._lock:
            self._idle.append(instance)
