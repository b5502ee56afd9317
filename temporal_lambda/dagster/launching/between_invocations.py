"""What happens between two invocations of one run: a note of why there is another, and a pause."""

from __future__ import annotations

from temporal_lambda.dagster.launching.event_log import RunEventLog
from temporal_lambda.dagster.launching.outcome import Outcome
from temporal_lambda.dagster.launching.pauses import MAX_LOST, Pauses
from temporal_lambda.dagster.launching.pending_failures import PendingFailures


class BetweenInvocations:
    """Notes and pauses of one run.

    Args:
        event_log: Of the run.
        function: What is invoked.
    """

    def __init__(self, event_log: RunEventLog, function: str) -> None:
        self._event_log = event_log
        self._function = function
        self._pauses = Pauses()
        self._failures = PendingFailures()
        self._missed_builds: set[str] = set()
        self._told_elsewhere = False

    @property
    def may_lose_another(self) -> bool:
        """Whether the run goes on after one more invocation without an answer."""
        return self._pauses.lost < MAX_LOST

    def after_loss(self, outcome: Outcome) -> float:
        """Note an invocation that was lost.

        Returns:
            Seconds until the next.
        """
        seconds = self._pauses.after_loss()
        self._event_log.note(
            f"An invocation was lost; the run goes on in the next: {outcome.message}"
        )
        return seconds

    def after_answer(self, outcome: Outcome, lasted: float, *, quiet: bool) -> float:
        """Note an answer that the run is not done.

        Args:
            outcome: The answer.
            lasted: Seconds that the invocation took.
            quiet: Whether to note nothing, as the run will be canceled now.

        Returns:
            Seconds until the next invocation.
        """
        seconds = self._pauses.after_answer(
            lasted, pinned=bool(outcome.pinned_to), elsewhere=outcome.elsewhere
        )
        if not quiet:
            reasons = [self._why_another(outcome), *self._failures.new(outcome.steps)]
            if note := ". ".join(filter(None, reasons)):
                self._event_log.note(f"{note}.")
        return seconds

    def _why_another(self, outcome: Outcome) -> str:
        if outcome.pinned_to:
            if outcome.pinned_to in self._missed_builds:
                return ""
            self._missed_builds.add(outcome.pinned_to)
            return (
                f"Build {outcome.pinned_to} is needed to go on, and {self._function} is another by "
                "now: use an alias or a version as the tag's function, or the worker controller"
            )
        if outcome.elsewhere:
            if self._told_elsewhere:
                return ""
            self._told_elsewhere = True
            return (
                f"Another invocation of {self._function} works for the run, such as one of the "
                "worker controller's. This one no longer waits beside it, and the run is asked "
                "about every few seconds"
            )
        if self._pauses.unfinished > 1:
            return ""
        return f"{self._function} had to end before the run did; it goes on in the next invocation"
