"""Whether the collector accepts exports: one warning when it stops, one line when it recovers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from temporal_lambda.otel.variables import without_secrets

logger = logging.getLogger(__name__)


class Health:
    """The outcome of the last export of each signal.

    Args:
        places: Where each signal goes, by its name; named in the warning.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._endpoints = sorted(places.values())
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._dropped = 0
        self._lost = ""
        self._hurried = False

    @property
    def lost(self) -> bool:
        """Whether the warning was logged and no flush has succeeded since."""
        return bool(self._lost)

    @property
    def reasons(self) -> dict[str, str]:
        """Why exports failed, by signal; without the signals whose last export succeeded."""
        with self._lock:
            return dict(self._reasons)

    def succeeded(self, signal: str) -> None:
        """Note that an export was accepted.

        Args:
            signal: ``spans``, ``metrics`` or ``log records``.
        """
        with self._lock:
            self._reasons.pop(signal, None)

    def failed(self, signal: str, reason: str) -> None:
        """Note that an export of a signal failed, and why."""
        with self._lock:
            self._reasons[signal] = without_secrets(reason, self._endpoints)

    def dropped(self) -> None:
        """Note that a span was dropped because the queue was full."""
        with self._lock:
            self._dropped += 1

    def tell(self, late: Sequence[str], limit: float, *, hurried: bool = False) -> None:
        """Log one line if the state has changed since the last call.

        Args:
            late: The signals whose export did not finish while the flush waited.
            limit: How many seconds the flush waited.
            hurried: Whether that was too short to say anything about the collector.
        """
        with self._lock:
            reasons, dropped, self._dropped = dict(self._reasons), self._dropped, 0
        losses = f"{dropped} spans were dropped because the queue was full" if dropped else ""
        lateness = f"{' and '.join(late)} not accepted within {limit:.2f} s" if late else ""
        reason = next(iter(reasons.values()), "") or ("" if hurried else lateness)
        if late and hurried and not (reason or self._lost or self._hurried):
            logger.warning(
                "no time left for telemetry: %s. The rest is sent with the next invocation (logged "
                "once until there is enough time again). A longer shutdown_deadline_buffer leaves "
                "more",
                lateness,
            )
        self._hurried = bool(late and hurried)
        if reason and not self._lost:
            names = {self._places.get(signal, "its endpoint") for signal in reasons or late}
            self._lost = without_secrets(" and ".join(sorted(names)), self._endpoints)
            logger.warning(
                "telemetry may be lost: the collector at %s does not accept it (logged once until "
                "it does): %s",
                self._lost,
                "; ".join(filter(None, [reason, losses])),
            )
        elif not (self._lost or reason) and losses:
            logger.warning("%s; a higher OTEL_BSP_MAX_QUEUE_SIZE prevents this", losses)
        elif self._lost and not (reason or late):
            again = f"the collector at {self._lost} accepts telemetry again"
            logger.info("%s", "; ".join(filter(None, [again, losses])))
            self._lost = ""
