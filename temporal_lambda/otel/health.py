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
        self._warned = False

    @property
    def lost(self) -> bool:
        """Whether a warning was written, and nothing has been taken since."""
        return self._warned

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

    def tell(self, late: str | None) -> None:
        """Write the one line, if something has changed since the last time.

        Args:
            late: What the flush did not wait for any longer, ``None`` if it is through.
        """
        with self._lock:
            reasons = dict(self._reasons)
        reason = next(iter(reasons.values()), None) or late
        if reason and not self._warned:
            self._warned = True
            logger.warning(
                "telemetry is lost until the collector at %s takes it again (this is said once): "
                "%s",
                self._endpoint,
                reason,
            )
        elif self._warned and not reason:
            self._warned = False
            logger.info("the collector at %s takes telemetry again", self._endpoint)
