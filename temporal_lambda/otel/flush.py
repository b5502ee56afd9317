"""The flush at the end of an invocation, within the time that is left."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from datetime import timedelta

from temporal_lambda.otel.background import Background
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.options import Resolved

SHARE = 0.9
"""Share of the remaining hook time that a flush may wait."""

PROBE = 0.25
"""Seconds that a flush waits for a collector that did not accept the last one."""

FAIR = 0.5
"""Seconds within which a working collector answers. If hooks have left less time than this, a late
answer says nothing about the collector."""

RETRY = 60.0
"""Seconds after which such a collector gets the full time again: one that works but takes longer
than a probe would never be recognized as recovered."""


class Flusher:
    """Exports what was collected.

    Args:
        health: Knows whether exports succeed.
        signals: What to flush, by name; all are flushed concurrently.
    """

    def __init__(self, health: Health, signals: Mapping[str, Background]) -> None:
        self._health = health
        self._signals = signals
        # Wall time: the monotonic clock may stand still in the freeze.
        self._flushed_at: float | None = None
        self._waited_at = 0.0

    async def flush(self, options: Resolved, hook_time: timedelta | None) -> None:
        """Export everything collected so far, on other threads.

        Args:
            options: Whether to wait for the export, and how long. A failed flush does not count for
                the policy ``interval``.
            hook_time: The time left for shutdown hooks; ``None`` if nothing limits it.
        """
        missing: list[str] = []
        limit, hurried = 0.0, False
        if self._due(options):
            patience = self._patience(options.flush_timeout)
            left = math.inf if hook_time is None else SHARE * hook_time.total_seconds()
            limit, hurried = min(patience, left), left < min(patience, FAIR)
            missing = await self._send(limit)
            if not (missing or self._health.reasons):
                self._flushed_at = time.time()
        self._health.tell(missing, limit, hurried=hurried)

    def _due(self, options: Resolved) -> bool:
        if options.flush == "interval" and self._flushed_at is not None:
            return not 0 <= time.time() - self._flushed_at < options.metric_period
        return options.flush != "never"

    def _patience(self, timeout: float) -> float:
        """Seconds to wait for the collector, if nothing else limits them."""
        now = time.time()
        if self._health.lost and 0 <= now - self._waited_at < RETRY:
            return min(timeout, PROBE)
        self._waited_at = now
        return timeout

    async def _send(self, limit: float) -> list[str]:
        waiting = {
            name: asyncio.wrap_future(signal.request()) for name, signal in self._signals.items()
        }
        try:
            await asyncio.wait(waiting.values(), timeout=limit)
            return [name for name, future in waiting.items() if not future.done()]
        finally:
            for future in waiting.values():
                # A late result must not call back: this loop will be closed by then.
                future.cancel()
