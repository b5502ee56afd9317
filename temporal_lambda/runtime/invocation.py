"""One invocation, phase by phase: configure, connect, work, close, drain, hooks, teardown.

The last four run on every path. All of this runs in an event loop on a thread of its own, which
``supervision/supervisor.py`` watches from the handler's thread; what came of it, and the report,
are in ``ending.py``.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from temporalio.client import Client

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import ConnectError, DeadlineError
from temporal_lambda.naming import name_abandoned
from temporal_lambda.report import WORKER, log_line
from temporal_lambda.runtime.budget import TERMINATION, Budget
from temporal_lambda.runtime.closing_queue import queue_steps
from temporal_lambda.runtime.closing_steps import ClosingSteps
from temporal_lambda.runtime.config_factory import graceful_timeout
from temporal_lambda.runtime.configure_callback import Teardown
from temporal_lambda.runtime.connection import ConnectionLost
from temporal_lambda.runtime.credentials import InvocationCredentials
from temporal_lambda.runtime.execution_environment import ExecutionEnvironment
from temporal_lambda.runtime.lifeline import LeftBehind, Lifeline
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.runtime.work_phase import WorkPhase
from temporal_lambda.runtime.work_strategy import Stop, Work, WorkStrategy, announce_work_time
from temporal_lambda.runtime.worker import InvocationWorker
from temporal_lambda.runtime.worker_observer import TUNER_HIDES_TASKS
from temporal_lambda.timeouts import Stopped, TimeExpired, at_most

logger = logging.getLogger("temporal_lambda.invocation")


class Handover(NamedTuple):
    """What a loop is given to run.

    Attributes:
        main: Makes the coroutine to run.
        due: The moment by which its first sign of life must come.
        context: The context variables that user code has set so far.
    """

    main: Callable[[Lifeline], Coroutine[Any, Any, None]]
    due: float
    context: Context


class Invocation:
    """The timeline of one invocation.

    Args:
        environment: What outlives the invocation.
        event: What Lambda delivered.
        config: This invocation's configuration, as the callback will find it.
        progress: How far it has come.
    """

    def __init__(
        self,
        environment: ExecutionEnvironment,
        event: Any,
        config: LambdaWorkerConfig,
        progress: Progress,
    ) -> None:
        self._environment = environment
        self._event = event
        self._config = config
        self._progress = progress
        self._connection = environment.connection.for_invocation()
        self._credentials = InvocationCredentials(config)
        self._signal = progress.signal
        self._strategy: WorkStrategy | None = None
        self._work_phase: WorkPhase | None = None
        self._teardown: Teardown | None = None
        self._context = copy_context()

    @property
    def _budget(self) -> Budget:
        return self._progress.budget

    def begin(self) -> Handover:
        """The whole timeline, for a first loop."""
        return Handover(self._run, self._budget.setup_end, self._context)

    def take_over(self) -> Handover:
        """What is left of it, for another loop, now that the last one was left behind."""
        return Handover(self._finish, self._budget.close().hooks_end, self._context)

    async def _run(self, lifeline: Lifeline) -> None:
        progress, phase = self._progress, self._progress.phase
        self._signal.enter_loop()
        try:
            self._connection.begin_check()
            self._credentials.begin_fetch()
            with phase("configure"):
                strategy = await self._configure(lifeline)
            lifeline.expect(self._budget.setup_end)
            client = None
            if strategy.connects:
                with phase("connect"):
                    client = await self._connect()
                lifeline.check()
            with phase("work"):
                stop = await self._work(strategy, client)
            lifeline.check()
            progress.stop = stop
            with phase("close"):
                await self._close_softly(stop)
        except Stopped:
            lifeline.check()
            if progress.stop.reason != "result":
                progress.stop = Stop("signal")
        except BaseException as error:
            lifeline.check()
            progress.stop = Stop("error")
            progress.failed(error)
        closing = self._budget.close()
        lifeline.expect(closing.drain_end)
        try:
            with phase("drain"):
                await self._drain(lifeline, closing)
                self._take_outcome()
        except (Exception, asyncio.CancelledError) as error:
            # Nobody but user code that cancels all tasks would do the latter.
            progress.failed(error)
        await self._run_steps(lifeline, closing)

    async def _configure(self, lifeline: Lifeline) -> WorkStrategy:
        try:
            async with at_most(self._budget.setup_left(), self._signal.stopped):
                teardown = await self._environment.configure.set_up(self._config)
            await self._keep(teardown, lifeline)
        except TimeExpired as error:
            raise DeadlineError(
                f"the configure callback was {error}, and the time that is left belongs to the "
                "shutdown. Make it faster or increase the function timeout"
            ) from None
        if self._signal.hurried:
            raise Stopped
        self._strategy = strategy = self._environment.strategy(self._event, self._config)
        self._environment.factory.complete(self._config, polls=strategy.polls)
        self._progress.budget = budget = Budget.share(
            self._budget.deadline,
            self._config.shutdown_deadline_buffer,
            graceful_timeout(self._config),
            # A tuner hides the slots: nothing can be refused, so there is nothing to wait for.
            closes_softly=not self._config.worker_config.get("tuner"),
        )
        if self._signal.hurried:
            # It came meanwhile, and its budget has just been replaced.
            self._progress.budget = budget.hurry(TERMINATION)
            raise Stopped
        budget.require_work()
        return strategy

    async def _keep(self, teardown: Teardown | None, lifeline: Lifeline) -> None:
        """Keep the teardown for later, or run it now if nobody will come for it later."""
        try:
            lifeline.expect(self._budget.setup_end)
        except LeftBehind:
            if teardown:
                await teardown(self._progress.error)
            raise
        self._teardown = teardown
        self._context = copy_context()

    async def _connect(self) -> Client:
        try:
            async with at_most(math.inf, self._signal.stopped):
                return await self._credentials.connect(
                    lambda arguments: self._connection.connect(
                        arguments,
                        self._config.invocation.identity,
                        reuse=self._config.reuse_connection,
                        limit=self._budget.work_left(),
                    ),
                    self._budget.work_left,
                )
        finally:
            self._progress.report.connection = self._connection.state

    async def _work(self, strategy: WorkStrategy, client: Client | None) -> Stop:
        try:
            return await self._work_over(client, strategy)
        except ConnectionLost:
            pass
        except ConnectError as error:
            async with at_most(math.inf, self._signal.stopped):
                renewed = await self._credentials.renew(error, self._budget.work_left())
            if not renewed:
                raise
        return await self._work_over(await self._connect(), strategy)

    async def _work_over(self, client: Client | None, strategy: WorkStrategy) -> Stop:
        self._progress.worker = worker = InvocationWorker(
            self._config, self._budget, self._environment.arrivals
        )
        announce_work_time(lambda: self._budget.work_left())
        polling = None
        if client and strategy.polls:
            polling = worker.start(client)
            self._introduce(worker)
        self._progress.work_began = True
        self._work_phase = WorkPhase(strategy, worker, self._signal)
        work = Work(
            client, self._config, self._budget, worker.slots, worker.activities, worker.leaving
        )
        lost = asyncio.create_task(self._connection.wait_until_lost(lambda: worker.has_polled))
        fresh = asyncio.create_task(self._credentials.keep_fresh(client))
        try:
            return await self._work_phase.run(work, polling, lost)
        finally:
            lost.cancel()
            fresh.cancel()

    def _introduce(self, worker: InvocationWorker) -> None:
        if not self._environment.introduced:
            self._environment.introduced = True
            log_line(WORKER, {"request_id": self._progress.report.request_id, **worker.describe()})
            if not worker.counted:
                logger.warning(TUNER_HIDES_TASKS)

    async def _close_softly(self, stop: Stop) -> None:
        worker = self._progress.worker
        if worker and stop.reason in ("deadline", "result"):
            async with at_most(math.inf, self._signal.stopped):
                await worker.close_softly(awaited=stop.reason == "result")

    async def _drain(self, lifeline: Lifeline, closing: Budget) -> None:
        worker, work_phase = self._progress.worker, self._work_phase
        if worker is None or work_phase is None:
            return
        if not worker.started:
            unwound = await work_phase.unwind(closing.drain_left())
            lifeline.check()
            if not unwound:
                self._abandon(worker)
            elif self._strategy and self._strategy.connects:
                self._connection.keep()
            return
        error = await worker.drain(closing, self._signal.hurry)
        lifeline.check()
        if worker.stuck:
            # Core still has it on its books for this connection, and would refuse the next worker.
            self._abandon(worker)
        elif error is None:
            self._connection.keep()
        if error and error is not self._progress.error:
            self._progress.failed(error)

    def _abandon(self, worker: InvocationWorker) -> None:
        abandoned = worker.activities.describe() or [{"worker": "shutdown"}]
        self._progress.report.abandoned += abandoned
        logger.error(
            "the worker did not stop in time; abandoned: %s",
            "; ".join(name_abandoned(entry) for entry in abandoned),
        )

    def _take_outcome(self) -> None:
        progress = self._progress
        if self._strategy and progress.stop.reason in ("deadline", "signal", "worker"):
            try:
                progress.stop = progress.stop._replace(result=self._strategy.outcome())
            except Exception as error:
                progress.failed(error)

    async def _finish(self, lifeline: Lifeline) -> None:
        if self._progress.steps:
            await self._progress.steps.run(lifeline)
        else:
            await self._run_steps(lifeline, self._budget.close())

    async def _run_steps(self, lifeline: Lifeline, closing: Budget) -> None:
        lifeline.check()
        self._progress.count_work()
        polled_on = self._strategy and self._strategy.polls and not self._config.idle_timeout
        if polled_on and not self._environment.advised:
            self._environment.advised = self._progress.report.advise()
        self._progress.steps = steps = ClosingSteps(closing, self._progress.report)
        if self._signal.hurried:
            # Now that they are there, a signal that comes later finds them by itself.
            steps.hurry(self._budget.close())
        self._config.invocation.bound_steps(steps.step_left, self._progress.first_error)
        queue_steps(steps, closing, self._config, self._progress, self._teardown)
        with self._progress.phase("hooks"):
            await steps.run(lifeline)

    def stop(self) -> None:
        """End the work now; the shutdown follows as usual. Called in the loop."""
        self._signal.send()
        if self._progress.steps and self._signal.hurried:
            self._progress.steps.interrupt()
