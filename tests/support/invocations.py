"""Runs whole invocations in this process, without a server: their strategies do not poll."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.handler import serve
from temporal_lambda.report import INVOCATION, find_line
from temporal_lambda.runtime.config_factory import ConfigFactory
from temporal_lambda.runtime.configure_callback import Configure
from temporal_lambda.runtime.connection import WarmConnection
from temporal_lambda.runtime.execution_environment import ExecutionEnvironment
from temporal_lambda.runtime.work_strategy import Stop, Work
from temporal_lambda.settings.sources import Settings

VERSION = WorkerDeploymentVersion("service", "v1")


class FakeClock:
    """Seconds that go on with real time, and jump when told to."""

    def __init__(self) -> None:
        self.jumped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.jumped

    def jump(self, seconds: float) -> None:
        """Let that much time have passed."""
        self.jumped += seconds


class Context:
    """Lambda's context of an invocation that has so many seconds."""

    aws_request_id = "request-1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"

    def __init__(self, seconds: float, clock: FakeClock) -> None:
        self._end = clock() + seconds
        self._clock = clock

    def get_remaining_time_in_millis(self) -> int:
        return round((self._end - self._clock()) * 1000)


class Strategy:
    """Does what a function does, without a connection or a worker."""

    connects = False
    polls = False

    def __init__(self, work: Callable[[], Awaitable[Any]], outcome: Any = None) -> None:
        self._work = work
        self._outcome = outcome

    async def run(self, work: Work) -> Stop:
        return Stop("result", await self._work())

    def outcome(self) -> Any:
        return self._outcome


class Serving(Strategy):
    """Needs a connection; nothing here ever gets as far as that."""

    connects = True
    polls = True


class Run(NamedTuple):
    """What came of an invocation.

    Attributes:
        result: What the handler returned.
        error: What it raised.
        report: Its report.
        seconds_left: Until its deadline, when the handler returned.
    """

    result: Any
    error: BaseException | None
    report: dict[str, Any]
    seconds_left: float


async def at_once() -> str:
    return "done"


async def until_cancelled() -> None:
    await asyncio.Event().wait()


def run_invocation(
    configure: Any = lambda config: None,
    strategy: Strategy | None = None,
    *,
    seconds: float | None = 60,
    clock: FakeClock | None = None,
    choosing: Callable[[], object] = lambda: None,
    **settings: Any,
) -> Run:
    """Run one invocation.

    Args:
        configure: The callback.
        strategy: What it does; returns ``done`` at once by default.
        seconds: How much time it has; ``None`` for no deadline.
        clock: The clock; this process's by default.
        choosing: Runs while the strategy is chosen, between the callback and the work.
        settings: Settings by name.
    """
    used = clock or FakeClock()
    settings = {"graceful_shutdown_timeout": timedelta(seconds=1), **settings}

    def choose(event: Any, config: Any) -> Strategy:
        choosing()
        return strategy or Strategy(at_once)

    environment = ExecutionEnvironment(
        factory=ConfigFactory(Settings({}, settings, None), VERSION),
        configure=Configure(configure),
        strategy=choose,
        connection=WarmConnection(),
        clock=used,
    )
    context = None if seconds is None else Context(seconds, used)
    result, error = None, None
    with logged_reports() as reports:
        try:
            result = serve(environment, {}, context, cold=True)
        except BaseException as raised:
            error = raised
    (report,) = reports
    left_ms = context.get_remaining_time_in_millis() if context else math.inf
    return Run(result, error, report, left_ms / 1000)


@contextmanager
def logged_reports() -> Iterator[list[dict[str, Any]]]:
    """The reports that are logged within the block."""
    reports: list[dict[str, Any]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if report := find_line(INVOCATION, record.getMessage()):
                reports.append(report)

    logger, collector = logging.getLogger("temporal_lambda.report"), Collector()
    logger.addHandler(collector)
    try:
        yield reports
    finally:
        logger.removeHandler(collector)
