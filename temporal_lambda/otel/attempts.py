"""Exports that are tried again where that helps, and report to ``Health`` instead of logging."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Generic, Protocol, TypeVar

from temporal_lambda.otel.health import Health

Result = TypeVar("Result", bound=Enum)
Returned = TypeVar("Returned")

QUICK = 0.5
"""Share of the timeout within which a failed export is retried: a connection that died during the
freeze fails immediately, and the next one works."""

SPENT = 0.9
"""Share of the timeout that a failed export must have used for the connection to be replaced. Less
than 1, since the timeout may end a little early on this clock."""

SPEAKERS = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
    "urllib3.connectionpool",
)
"""Loggers that complain while something is exported or collected."""


class Replaceable(Protocol):
    """What an exporter of OpenTelemetry's must be able to do to be replaced."""

    def shutdown(self) -> None:
        """End it."""


Exporter = TypeVar("Exporter", bound=Replaceable)


class Attempts(Generic[Exporter]):
    """Exports one signal with an exporter of OpenTelemetry's.

    Args:
        signal: Its name in warnings.
        make: Makes such an exporter, with a connection of its own.
        timeout: Seconds an attempt may take.
        health: Receives the outcome of each export.
    """

    def __init__(
        self, signal: str, make: Callable[[], Exporter], timeout: float, health: Health
    ) -> None:
        self._signal = signal
        self._make = make
        self._timeout = timeout
        self._health = health
        self._exporter = make()

    def run(self, export: Callable[[Exporter], Result]) -> Result:
        """Export something."""
        begun = time.monotonic()
        result, reason = _quietly(lambda: export(self._exporter))
        if _failed(result) and time.monotonic() - begun < QUICK * self._timeout:
            result, reason = _quietly(lambda: export(self._exporter))
        if not _failed(result):
            self._health.succeeded(self._signal)
            return result
        self._health.failed(self._signal, reason)
        if time.monotonic() - begun >= SPENT * self._timeout:
            # Its peer may have vanished during the freeze, without closing the connection.
            self._exporter.shutdown()
            self._exporter = self._make()
        return result

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()


def _failed(result: Enum) -> bool:
    # The results of all signals have the same members.
    return result.name != "SUCCESS"


def _quietly(export: Callable[[], Result]) -> tuple[Result, str]:
    """Run an export; return what the exporter would have logged as the reason."""
    result, messages = catching(export)
    # Over gRPC the last one says why, over HTTP the first.
    telling = dict.fromkeys([messages[-1], messages[0]]) if messages else ["no reason given"]
    return result, "; ".join(telling)


def catching(run: Callable[[], Returned]) -> tuple[Returned, list[str]]:
    """Run something, and catch what OpenTelemetry would have logged about it."""
    messages: list[str] = []
    before, _caught.messages = _caught.messages, messages
    try:
        return run(), messages
    finally:
        _caught.messages = before


def is_exporting() -> bool:
    """Whether this thread is just exporting."""
    return _caught.messages is not None


class _Caught(threading.local):
    """What OpenTelemetry logs on a thread that is exporting or collecting."""

    messages: list[str] | None = None


_caught = _Caught()


def _catch(record: logging.LogRecord) -> bool:
    if _caught.messages is None:
        return True
    _caught.messages.append(record.getMessage())
    return False


for _name in SPEAKERS:
    # First in line: OpenTelemetry's own filter hides repeated messages from later ones.
    logging.getLogger(_name).filters.insert(0, _catch)
