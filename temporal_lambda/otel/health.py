"""Whether the collector takes what it is sent: a warning when it stops, a line when it is back."""

from __future__ import annotations

import logging
import threading

logger = logging.getLogger(__name__)


class Health:
    """What became of the last export of each signal.

    Args:
        endpoint: The collector, for the warning.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._lost = False
        self._hurried = False

    @property
    def lost(self) -> bool:
        """Whether telemetry was said to be lost, and no flush has worked since."""
        return self._lost

    @property
    def reasons(self) -> dict[str, str]:
        """Why exports were not taken, by signal; none for those whose last one was."""
        with self._lock:
            return dict(self._reasons)

    def succeeded(self, signal: str) -> None:
        """Note that an export was taken.

        Args:
            signal: ``spans`` or ``metrics``.
        """
        with self._lock:
            self._reasons.pop(signal, None)

    def failed(self, signal: str, reason: str) -> None:
        """Note that an export was not taken."""
        with self._lock:
            self._reasons[signal] = reason

    def tell(self, late: str | None, *, hurried: bool = False) -> None:
        """Write the one line, if something has changed since the last time.

        Args:
            late: What the flush did not wait for any longer, ``None`` if it is through.
            hurried: Whether the flush had so little time that being late says nothing about the
                collector.
        """
        reason = next(iter(self.reasons.values()), None) or (None if hurried else late)
        if late and hurried and not (reason or self._lost or self._hurried):
            logger.warning(
                "no time left for telemetry: %s. What has not left leaves with the next invocation "
                "(this is said once, until there is time again). A longer shutdown_deadline_buffer "
                "gives more",
                late,
            )
        self._hurried = bool(late and hurried)
        if reason and not self._lost:
            self._lost = True
            logger.warning(
                "telemetry is lost until the collector at %s takes it again (this is said once): "
                "%s",
                self._endpoint,
                reason,
            )
        elif self._lost and not (reason or late):
            self._lost = False
            logger.info("the collector at %s takes telemetry again", self._endpoint)
