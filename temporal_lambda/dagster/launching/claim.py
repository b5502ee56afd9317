"""This process's claim to a run: the lease in the run's tag, and whether it is still ours."""

from __future__ import annotations

import logging
import threading

from dagster import DagsterRun

from temporal_lambda.dagster.launching import tags
from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.lease import Phase, RunLease

logger = logging.getLogger("temporal_lambda.dagster.launching.conduct")


class Claim:
    """Keeps this process's lease of a run.

    Args:
        event_log: Of the run.
        run_id: The run.
        phase: How far the run is.
    """

    def __init__(self, event_log: RunEventLog, run_id: str, phase: Phase) -> None:
        self._event_log = event_log
        self._run_id = run_id
        self._lease = RunLease.here(run_id, phase)
        self._writing = threading.Lock()

    @property
    def phase(self) -> Phase:
        """How far the run is."""
        return self._lease.phase

    def announce(self, function: str) -> None:
        """Tag the run with this lease, whoever had it.

        Args:
            function: What the run's function is called.
        """
        self._event_log.tag(tags.FUNCTION, function)
        self._event_log.tag(tags.WAITER, self._lease.tag())

    def is_taken_over(self, run: DagsterRun) -> bool:
        """Whether this process was taken for dead, perhaps after a long pause of its machine.

        Args:
            run: The run as it is now.
        """
        lease = RunLease.from_tag(run.tags.get(tags.WAITER), self._run_id)
        if lease is None or self._lease.same_process(lease):
            return False
        logger.warning("run %s is now waited for by %s", self._run_id, lease)
        return True

    def is_ours(self) -> bool:
        """Whether nobody has taken the run over; it may have ended."""
        run = self._event_log.current_run()
        return run is None or not self.is_taken_over(run)

    def open_run(self) -> DagsterRun | None:
        """The run, if it has not ended and is this process's."""
        run = self._event_log.open_run()
        return None if run is None or self.is_taken_over(run) else run

    def enter(self, phase: Phase) -> bool:
        """Go on to a phase.

        Args:
            phase: Which.

        Returns:
            Whether the run is still this process's.
        """
        return self.phase == phase or self._write(phase)

    def renew_if_due(self) -> None:
        """Renew the lease, unless that was done lately or another process has the run."""
        if self._lease.is_due():
            self._write(None)

    def _write(self, phase: Phase | None) -> bool:
        # Leases are renewed by another thread: the phase of a renewal is the one of this moment.
        with self._writing:
            if self.open_run() is None:
                return False
            self._lease = self._lease.renewed(phase)
            self._event_log.tag(tags.WAITER, self._lease.tag())
            return True
