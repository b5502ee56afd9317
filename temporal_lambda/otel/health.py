"""Whether the collector takes what it is sent: a warning when it stops, a line when it is back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)


class Health:
    """What became of the last export of each signal.

    Args:
        endpoint: The collector, for the warning.
        elsewhere: Where else signals go, by name.
    """

    def __init__(self, endpoint: str, elsewhere: Mapping[str, str] | None = None) -> None:
        self._endpoint = endpoint
        self._elsewhere = elsewhere or {}
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._dropped = 0
        self._lost = ""
        self._hurried = False

    @property
    def lost(self) -> bool:
        """Whether telemetry was said to be lost, and no flush has worked since."""
        return bool(self._lost)

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

    def dropped(self) -> None:
        """Note that a span was dropped, since too many were waiting."""
        with self._lock:
            self._dropped += 1

    def tell(self, late: Sequence[str], limit: float, *, hurried: bool = False) -> None:
        """Write the one line, if something has changed since the last time.

        Args:
            late: The signals that the flush did not wait for any longer.
            limit: The seconds it has waited.
            hurried: Whether these were so few that being late says nothing about the collector.
        """
        with self._lock:
            reasons, dropped, self._dropped = dict(self._reasons), self._dropped, 0
        losses = f"{dropped} spans were dropped, since too many were waiting" if dropped else ""
        lateness = f"{' and '.join(late)} not taken within {limit:.2f} s" if late else ""
        reason = next(iter(reasons.values()), "") or ("" if hurried else lateness)
        if late and hurried and not (reason or self._lost or self._hurried):
            logger.warning(
                "no time left for telemetry: %s. What has not left leaves with the next invocation "
                "(this is said once, until there is time again). A longer shutdown_deadline_buffer "
                "gives more",
                lateness,
            )
        self._hurried = bool(late and hurried)
        if reason and not self._lost:
            names = {self._elsewhere.get(signal, self._endpoint) for signal in reasons or late}
            self._lost = " and ".join(sorted(names))
            logger.warning(
                "telemetry is lost until the collector at %s takes it again (this is said once): "
                "%s",
                self._lost,
                "; ".join(filter(None, [reason, losses])),
            )
        elif not (self._lost or reason) and losses:
            logger.warning("%s; OTEL_BSP_MAX_QUEUE_SIZE lets more wait", losses)
        elif self._lost and not (reason or late):
            logger.info("the collector at %s takes telemetry again", self._lost)
            self._lost = ""
