"""One invocation, phase by phase.

Configure, connect, work, drain, hooks, teardown, report: the last four run on every path. The
phases run in an event loop on a thread of their own; the handler's thread watches, takes over
should that loop be blocked, and writes the report.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

from temporalio.client import Client
from temporalio.worker import Worker, WorkerConfig

from temporal_lambda.budget import SHORT_WORK, SHORTEST_WORK, Budget, Clock, Closing, Deadline
from temporal_lambda.config import LIMITS, ConfigFactory, LambdaWorkerConfig
from temporal_lambda.configure import Configure, Teardown
from temporal_lambda.connection import WarmConnection, describe_target
from temporal_lambda.errors import (
    ConnectError,
    DeadlineError,
    EventLoopBlockedError,
    SettingsError,
)
from temporal_lambda.loop_thread import LoopThread, TimeExpired, at_most
from temporal_lambda.report import InvocationReport
from temporal_lambda.running import RunningActivities, name_abandoned
from temporal_lambda.shutdown import ClosingSteps
from temporal_lambda.slots import KINDS, SlotCounter
from temporal_lambda.work import Reason, Stop, Work, WorkStrategy

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Environment:
    """What an execution environment keeps from one invocation to the next.

    Attributes:
        factory: Makes configurations.
        configure: The user's callback.
        strategy: When to stop working.
        connection: The warm connection.
        clock: Returns seconds.
    """

    factory: ConfigFactory
    configure: Configure
    strategy: WorkStrategy
    connection: WarmConnection
    clock: Clock = time.monotonic


class Invocation:
    """One run of the handler.

    Args:
        environment: What outlives the invocation.
        event: What Lambda delivered.
        context: Lambda's context object; anything that lacks its methods will do.
        cold: Whether this is the environment's first invocation.
    """

    def __init__(self, environment: Environment, event: Any, context: Any, *, cold: bool) -> None:
        self._environment = environment
        self._clock = environment.clock
        self._event = event
        self._context = context
        self._report = InvocationReport(getattr(context, "aws_request_id", None), cold)
        self._config = environment.factory.new()
        self._budget = self._share(Deadline.of(context, self._clock))
        self._slots = SlotCounter(self._clock)
        self._running = RunningActivities()
        self._teardown: Teardown | None = None
        self._steps: ClosingSteps | None = None
        self._stopping = threading.Event()
        self._wake = asyncio.Event()
        self._stop = Stop("error")
        self._run_task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._thread: LoopThread | None = None

    def run(self) -> Any:
        """Run all phases.

        Returns:
            What the work strategy returned.

        Raises:
            BaseException: The first error of the configure callback, the connection, the worker,
                the strategy or the teardown, after everything has been closed.
        """
        self._thread = LoopThread(self._phases, self._clock, self._latest_sign_of_life())
        self._thread.start()
        with self._stop_on_sigterm():
            while not self._wait():
                self._leave_blocked_loop()
        self._finish_report()
        if self._error:
            raise self._error
        return self._stop.result

    async def _phases(self, thread: LoopThread) -> None:
        try:
            with self._phase("configure"):
                await self._configure()
            with self._phase("connect"):
                client = await self._connect()
            with self._phase("work"):
                await self._work(client)
        except BaseException as error:
            self._failed(error)
        closing = self._budget.close()
        thread.expect(closing.drain_end)
        with self._phase("drain"):
            await self._drain(closing)
        await self._close(thread, closing)

    async def _configure(self) -> None:
        try:
            async with at_most(self._budget.setup_left()):
                self._teardown = await self._environment.configure.set_up(self._config)
        except TimeExpired as error:
            raise DeadlineError(
                f"the configure callback was {error}, and the time that is left belongs to the "
                "shutdown. Make it faster or increase the function timeout"
            ) from None
        self._environment.factory.complete(self._config)
        self._budget = self._share(self._budget.deadline)
        self._check_time_for_work()

    def _check_time_for_work(self) -> None:
        remaining, buffer = self._budget.deadline.remaining(), self._budget.buffer
        if remaining - buffer <= SHORTEST_WORK:
            raise DeadlineError(
                f"Lambda timeout is too short: {remaining:.1f}s are left and {buffer:.1f}s of them "
                "are kept for the shutdown. Increase the function timeout, or lower "
                "shutdown_deadline_buffer (and graceful_shutdown_timeout with it)"
            )
        if remaining - buffer < SHORT_WORK:
            logger.warning(
                "Lambda timeout leaves less than 5s for work: %.1fs are left and %.1fs of them "
                "are kept for the shutdown",
                remaining,
                buffer,
            )

    async def _connect(self) -> Client:
        connection = self._environment.connection
        arguments = cast(dict[str, Any], self._config.client_connect_config)
        limit = self._budget.work_left()
        try:
            async with at_most(limit):
                client = await connection.connect(
                    arguments, _identity(self._context), reuse=self._config.reuse_connection
                )
        except TimeExpired:
            target = describe_target(
                arguments.get("target_host", "localhost:7233"), arguments.get("namespace")
            )
            raise ConnectError(
                f"{target} did not answer within the {limit:.1f} s this invocation could wait. "
                "Check the address, the security group or VPC route, and TLS."
            ) from None
        finally:
            self._report.connection = connection.state
        return client

    async def _work(self, client: Client) -> None:
        worker = Worker(client, **self._worker_config())
        work = Work(self._event, client, self._config, self._budget, self._slots)
        self._run_task = asyncio.create_task(_run_worker(worker))
        strategy = asyncio.create_task(_decide(self._environment.strategy, work))
        signalled = asyncio.create_task(self._wake.wait())
        if self._stopping.is_set():
            self._wake.set()
        left = self._budget.work_left()
        try:
            await asyncio.wait(
                {self._run_task, strategy, signalled},
                timeout=None if left == math.inf else left,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._worker = worker
            for task in (strategy, signalled):
                task.cancel()
        if self._run_task.done():
            self._run_task.result()
            raise RuntimeError("the worker stopped without being told to")
        if strategy.done():
            self._stop = strategy.result()
        else:
            self._stop = Stop("signal" if signalled.done() else "deadline")

    def _worker_config(self) -> WorkerConfig:
        config = self._config.worker_config.copy()
        config["interceptors"] = [self._running, *config.get("interceptors", [])]
        if not config.get("tuner"):
            raw = cast(dict[str, Any], config)
            limits = {name: raw.pop(name, None) for name in LIMITS}
            for name, limit in limits.items():
                if limit is not None and (not isinstance(limit, int) or limit < 1):
                    raise SettingsError(
                        f'worker_config["{name}"] must be a whole number of 1 or more; '
                        f"got {limit!r}"
                    )
            config["tuner"] = self._slots.tuner(
                {kind: limits[_LIMIT_OF[kind]] or SDK_LIMIT for kind in KINDS}
            )
        return config

    async def _drain(self, closing: Closing) -> None:
        run = self._run_task
        if run is None:
            return
        shutdown = asyncio.create_task(self._worker.shutdown())
        await asyncio.wait({run}, timeout=closing.drain_left())
        shutdown.cancel()
        self._environment.connection.touch()
        if not run.done():
            self._abandon_worker(run)
        elif not run.cancelled() and (error := run.exception()) and error is not self._error:
            self._failed(error)

    def _abandon_worker(self, run: asyncio.Task[None]) -> None:
        run.cancel()
        abandoned = self._running.describe() or [{"worker": "shutdown"}]
        self._report.abandoned += abandoned
        logger.error(
            "the worker did not stop in time; abandoned: %s",
            "; ".join(name_abandoned(entry) for entry in abandoned),
        )
        # Core still has that worker on its books for this connection, and would refuse the next.
        self._environment.connection.discard()

    async def _close(self, thread: LoopThread, closing: Closing) -> None:
        steps = ClosingSteps(closing, self._report)
        steps.add(self._config.shutdown_hooks, self._teardown)
        self._steps = steps
        with self._phase("hooks"):
            await steps.run(thread)

    # On the handler's thread from here on.

    def stop(self) -> None:
        """End the work now, from any thread; the shutdown follows as usual."""
        self._stopping.set()
        if self._thread:
            self._thread.call(self._wake.set)

    def _wait(self) -> bool:
        assert self._thread is not None
        try:
            return self._thread.wait()
        except KeyboardInterrupt as interrupt:
            self._error = self._error or interrupt
            self.stop()
            return self._thread.wait()

    def _leave_blocked_loop(self) -> None:
        """Leave a loop that shows no sign of life behind, and go on in a new one."""
        assert self._thread is not None
        where = self._thread.where()
        step = self._steps.abandon_current() if self._steps else None
        if step:
            logger.error("%s was abandoned: it blocks its event loop at %s", step, where)
            steps = self._steps
        else:
            self._failed(
                EventLoopBlockedError(
                    f"the event loop is blocked at {where}; use a thread or an async call there"
                )
            )
            self._report.abandoned += [*self._running.describe(), {"event loop": where}]
            self._report.leave_phase(self._report.current_phase, self._clock)
            self._environment.connection.discard()
            steps = None
        closing = self._budget.close()
        self._thread = LoopThread(
            lambda thread: steps.run(thread) if steps else self._close(thread, closing),
            self._clock,
            closing.hooks_end,
        )
        self._thread.start()

    def _finish_report(self) -> None:
        assert self._thread is not None
        self._report.abandoned += [{"task": name} for name in self._thread.left_over]
        self._report.stop_reason = self._stop.reason if self._run_task else None
        if self._run_task and not self._config.worker_config.get("tuner"):
            self._report.count(self._slots.tasks, self._slots.busy_seconds)
        if self._steps and not self._error:
            self._error = next(iter(self._steps.errors), None)
        self._report.log()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        with self._report.phase(name, self._clock):
            yield

    @contextmanager
    def _stop_on_sigterm(self) -> Iterator[None]:
        """Let SIGTERM start the shutdown; whoever handled it before gets it afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        received: list[tuple[int, FrameType | None]] = []

        def handle(number: int, frame: FrameType | None) -> None:
            received.append((number, frame))
            self.stop()

        previous = signal.signal(signal.SIGTERM, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, previous or signal.SIG_DFL)
        if received and callable(previous):
            previous(*received[0])

    def _share(self, deadline: Deadline) -> Budget:
        graceful = self._config.worker_config["graceful_shutdown_timeout"]
        return Budget.share(deadline, self._config.shutdown_deadline_buffer, graceful)

    def _latest_sign_of_life(self) -> float:
        return self._clock() + self._budget.setup_left()

    def _failed(self, error: BaseException) -> None:
        self._report.failed(error)
        if self._error is None:
            self._error = error
        else:
            logger.error("%s failed as well", self._report.current_phase, exc_info=error)


SDK_LIMIT = 100
"""Slots of a kind whose limit the user removed (temporalio's default)."""

_LIMIT_OF = {
    "workflow": "max_concurrent_workflow_tasks",
    "activity": "max_concurrent_activities",
    "local_activity": "max_concurrent_local_activities",
    "nexus": "max_concurrent_nexus_tasks",
}


async def _run_worker(worker: Worker) -> None:
    await worker.run()


async def _decide(strategy: WorkStrategy, work: Work) -> Stop:
    return await strategy(work)


def _identity(context: Any) -> str | None:
    """``<request id>@<function arn>``, ``None`` outside Lambda."""
    request_id = getattr(context, "aws_request_id", None)
    arn = getattr(context, "invoked_function_arn", None)
    if request_id is None and arn is None:
        return None
    return f"{request_id or 'unknown'}@{arn or 'unknown'}"
