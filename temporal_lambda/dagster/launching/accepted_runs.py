"""Durable runs that AWS has accepted, and nobody waits for: who ends them otherwise is noticed."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from temporal_lambda.dagster.launching.tags import Launch

logger = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
"""How often Dagster's storage is asked for all such runs."""

RUNS_PER_QUERY = 500


class CancelEnded(Protocol):
    """Cancels the workflow of a run that has ended in Dagster, without waiting for it."""

    def __call__(
        self, instance: DagsterInstance, run_id: str, run: DagsterRun | None, launch: Launch
    ) -> None: ...


@dataclass(frozen=True)
class _Accepted:
    instance: DagsterInstance
    launch: Launch
    cancel_ended: CancelEnded


class AcceptedRuns:
    """Looks after durable runs that this process launched as Events, or found to be healthy.

    The workflow of a run that is failed, canceled or deleted in Dagster must not go on. Who does so
    asks no launcher, so the runs are looked at from time to time.

    Example:
        >>> AcceptedRuns().count
        0
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, _Accepted] = {}
        self._looking = False

    @property
    def count(self) -> int:
        """How many runs are looked after."""
        with self._lock:
            return len(self._runs)

    def watch(
        self, instance: DagsterInstance, run_id: str, launch: Launch, cancel_ended: CancelEnded
    ) -> None:
        """Look after a run until it has ended; nothing if that is done already.

        Args:
            instance: Where the run is.
            run_id: The run.
            launch: How it was launched.
            cancel_ended: Called once, if the run ends in Dagster and its workflow may not have.
        """
        with self._lock:
            self._runs.setdefault(run_id, _Accepted(instance, launch, cancel_ended))
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, name="lambda-accepted", daemon=True).start()

    def leave(self, run_id: str) -> None:
        """Look after a run no longer: its workflow has ended."""
        with self._lock:
            self._runs.pop(run_id, None)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                runs = dict(self._runs)
                if not runs:
                    self._looking = False
                    return
            for one in {id(accepted.instance): accepted for accepted in runs.values()}.values():
                mine = [key for key, value in runs.items() if value.instance is one.instance]
                try:
                    self._look_at(one.instance, mine)
                except Exception:
                    logger.exception("%s accepted runs can't be looked at", len(mine))

    def _look_at(self, instance: DagsterInstance, run_ids: list[str]) -> None:
        with _own(instance) as own:
            found: dict[str, DagsterRun] = {}
            rest = iter(run_ids)
            while some := list(islice(rest, RUNS_PER_QUERY)):
                found.update((run.run_id, run) for run in own.get_runs(RunsFilter(run_ids=some)))
            for run_id in run_ids:
                run = found.get(run_id)
                if run is None or run.is_finished:
                    self._ended(own, run_id, run)

    def _ended(self, instance: DagsterInstance, run_id: str, run: DagsterRun | None) -> None:
        with self._lock:
            accepted = self._runs.pop(run_id, None)
        # Only a workflow that has ended makes a success. Of a failure it is not known here whether
        # another process has found the workflow failed; to cancel that one changes nothing.
        if accepted and (run is None or run.status is not DagsterRunStatus.SUCCESS):
            accepted.cancel_ended(instance, run_id, run, accepted.launch)


@contextmanager
def _own(instance: DagsterInstance) -> Iterator[DagsterInstance]:
    """An instance of one's own: that of a launcher may be closed."""
    if instance.is_ephemeral:
        yield instance
    else:
        with DagsterInstance.from_ref(instance.get_ref()) as own:
            yield own


@functools.cache
def process_accepted_runs() -> AcceptedRuns:
    """Those of this process; launchers come and go."""
    return AcceptedRuns()
