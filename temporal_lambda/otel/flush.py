"""The flush at the end of an invocation, within the time that is left."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import timedelta

from temporal_lambda.otel.background import Background
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.options import Resolved

SHARE = 0.9
"""Share of the remaining hook time that a flush may wait."""

FAIR = 0.5
"""Seconds within which a working collector answers. If hooks have left less time than this, a late
answer says nothing about the collector."""

RETRY = 60.0
"""Seconds after which a collector that is gone is waited for again. In between, nobody waits: each
invocation looks at what has become of the last one's export."""

Signals = Mapping[str, Background]


class Flusher:
    """Exports what was collected.

    Args:
        health: Knows whether exports succeed.
        signals: What to flush, by name; all are flushed concurrently.
        more: Returns further signals, which may come later.
    """

    def __init__(
        self, health: Health, signals: Signals, more: Callable[[], Signals] = dict
    ) -> None:
        self._health = health
        self._signals = signals
        self._more = more
        # Wall time: the monotonic clock may stand still in the freeze.
        self._flushed_at: float | None = None
        self._waited_at = 0.0
        self._behind: dict[str, Future[None]] = {}

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
            if self._is_gone():
                self._send_behind()
                return
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

    def _is_gone(self) -> bool:
        """Whether the collector is known to be gone, and it is too early to look again."""
        answered = self._behind and all(request.done() for request in self._behind.values())
        is_back = answered and not self._health.reasons
        return self._health.lost and not is_back and 0 <= time.time() - self._waited_at < RETRY

    def _patience(self, timeout: float) -> float:
        """Seconds to wait for the collector, if nothing else limits them."""
        self._behind.clear()
        self._waited_at = time.time()
        return timeout

    def _send_behind(self) -> None:
        for name, signal in {**self._signals, **self._more()}.items():
            if name not in self._behind or self._behind[name].done():
                self._behind[name] = signal.request()

    async def _send(self, limit: float) -> list[str]:
        waiting = {
            name: asyncio.wrap_future(signal.request())
            for name, signal in {**self._signals, **self._more()}.items()
        }
        try:
            await asyncio.wait(waiting.values(), timeout=limit)
            return [name for name, future in waiting.items() if not future.done()]
        finally:
            for future in waiting.values():
                # A late result must not call back: this loop will be closed by then.
                future.cancel()
