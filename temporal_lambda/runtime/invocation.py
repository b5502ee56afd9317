"""One invocation, phase by phase.

Configure, connect, work, close, drain, hooks, teardown, report: the last four run on every path.
The phases run in an event loop on a thread of their own. The handler's thread watches it
(``supervision/supervisor.py``), leaves it if it is blocked, and writes the report."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from typing import Any, cast

from temporalio.client import Client

from temporal_lambda.config import TUNER_HIDES_TASKS
from temporal_lambda.deadline import Deadline
from temporal_lambda.errors import DeadlineError, EventLoopBlockedError
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.naming import name_abandoned, name_of
from temporal_lambda.process import end_process, is_lambda
from temporal_lambda.report import WORKER, InvocationReport, log_line
from temporal_lambda.runtime.budget import HAND_BACK, MARGIN, TERMINATION, Budget, Closing
from temporal_lambda.runtime.closing_steps import ClosingSteps
from temporal_lambda.runtime.configure_callback import Teardown
from temporal_lambda.runtime.execution_environment import Environment
from temporal_lambda.runtime.work_strategy import Stop, Work, WorkStrategy, announce_work_time
from temporal_lambda.runtime.worker import InvocationWorker
from temporal_lambda.supervision.loop_thread import LeftBehind, LoopThread, Main
from temporal_lambda.supervision.sigterm import on_sigterm
from temporal_lambda.supervision.supervisor import Supervision
from temporal_lambda.timeouts import Stopped, TimeExpired, at_most

logger = logging.getLogger("temporal_lambda.invocation")


class Invocation:
    """One run of the handler.

    Args:
        environment: What outlives the invocation.
        event: What Lambda delivered.
        context: Lambda's context object; anything that lacks its methods will do.
        cold: Whether this is the environment's first invocation.

    Attributes:
        due: See ``Supervised``.
        context_variables: See ``Supervised``.
    """

    def __init__(self, environment: Environment, event: Any, context: Any, *, cold: bool) -> None:
        self._environment = environment
        self._clock = environment.clock
        self._event = event
        self._report = InvocationReport(getattr(context, "aws_request_id", None), cold)
        deadline = Deadline.of(context, self._clock)
        self._info = InvocationInfo(
            self._report.request_id,
            getattr(context, "invoked_function_arn", None),
            cold=cold,
            deadline=deadline,
            report=self._report,
        )
        self._config = environment.factory.new(self._info)
        self._budget = self._share(deadline)
        self._strategy: WorkStrategy | None = None
        self._running_strategy: asyncio.Task[Stop] | None = None
        self._worker: InvocationWorker | None = None
        self._teardown: Teardown | None = None
        self._steps: ClosingSteps | None = None
        self._stopped: asyncio.Future[None] | None = None
        self._terminated: asyncio.Future[None] | None = None
        self._stop_requested = False
        self._hurried = False
        self._loop_blocked = False
        self._stop = Stop("error")
        self._error: BaseException | None = None
        self.due = self._latest_sign_of_life()
        self.context_variables = copy_context()

    def run(self) -> Any:
        """Run all phases.

        Returns:
            What the work strategy returned.

        Raises:
            BaseException: The first error of the configure callback, the connection, the worker,
                the strategy or the teardown, after everything has been closed.
        """
        supervision = Supervision(self, self._clock)
        with on_sigterm(supervision.terminate):
            self._finish_report(supervision.run())
        if supervision.interrupt:
            raise supervision.interrupt
        if isinstance(self._error, asyncio.CancelledError | GeneratorExit):
            # Lambda's runtime would take these for its own end.
            raise RuntimeError(f"user code raised {self._error!r}") from self._error
        if self._error:
            raise self._error
        return self._stop.result

    async def phases(self, thread: LoopThread) -> None:
        """See ``Supervised``."""
        loop = asyncio.get_running_loop()
        self._stopped, self._terminated = loop.create_future(), loop.create_future()
        if self._stop_requested:
            self.stop()
        try:
            self._environment.connection.begin_check()
            with self._phase("configure"):
                strategy = await self._configure(thread)
            thread.expect(self._latest_sign_of_life())
            client = None
            if strategy.polls:
                with self._phase("connect"):
                    client = await self._connect()
                thread.check()
            with self._phase("work"):
                self._worker = worker = InvocationWorker(self._config, self._budget)
                stop = await self._work(strategy, client, worker)
            thread.check()
            self._stop = stop
            with self._phase("close"):
                await self._close_softly(worker)
        except Stopped:
            self._stop = Stop("signal")
        except BaseException as error:
            thread.check()
            self._stop = Stop("error")
            self._failed(error)
        closing = self._budget.close()
        thread.expect(closing.drain_end)
        with self._phase("drain"):
            await self._drain(thread, closing)
            self._conclude()
        await self._finish(thread, closing)

    async def _configure(self, thread: LoopThread) -> WorkStrategy:
        try:
            async with at_most(self._budget.setup_left(), self._stopped):
                teardown = await self._environment.configure.set_up(self._config)
            await self._keep(teardown, thread)
        except TimeExpired as error:
            raise DeadlineError(
                f"the configure callback was {error}, and the time that is left belongs to the "
                "shutdown. Make it faster or increase the function timeout"
            ) from None
        if self._hurried:
            raise Stopped
        self._strategy = strategy = self._environment.strategy(self._event, self._config)
        self._environment.factory.complete(self._config, polls=strategy.polls)
        self._budget = self._share(self._budget.deadline)
        self._budget.require_work()
        return strategy

    async def _keep(self, teardown: Teardown | None, thread: LoopThread) -> None:
        """Keep the teardown for later, or run it now if nobody will come for it later."""
        try:
            thread.expect(self._latest_sign_of_life())
        except LeftBehind:
            if teardown:
                await teardown()
            raise
        self._teardown = teardown
        self.context_variables = copy_context()

    async def _connect(self) -> Client:
        connection = self._environment.connection
        try:
            async with at_most(math.inf, self._stopped):
                return await connection.connect(
                    cast(dict[str, Any], self._config.client_connect_config),
                    self._info.identity,
                    reuse=self._config.reuse_connection,
                    limit=self._budget.work_left(),
                )
        finally:
            self._report.connection = connection.state

    async def _work(
        self, strategy: WorkStrategy, client: Client | None, worker: InvocationWorker
    ) -> Stop:
        announce_work_time(lambda: self._budget.work_left())
        running = None
        if client:
            running = worker.start(client)
            self._introduce(worker)
        work = Work(client, self._config, self._budget, worker.slots, worker.activities)
        while True:
            stop = await self._wait_for_end(strategy, work, running)
            if stop.reason != "idle":
                return stop
            async with at_most(math.inf, self._stopped):
                if await worker.stays_idle():
                    return stop

    def _introduce(self, worker: InvocationWorker) -> None:
        if not self._environment.introduced:
            self._environment.introduced = True
            log_line(WORKER, worker.describe())
            if not worker.counted:
                logger.warning(TUNER_HIDES_TASKS)

    async def _wait_for_end(
        self, strategy: WorkStrategy, work: Work, running: asyncio.Task[None] | None
    ) -> Stop:
        assert self._stopped is not None
        self._running_strategy = deciding = asyncio.create_task(strategy.run(work))
        ends: set[asyncio.Future[Any]] = {deciding, self._stopped}
        if running:
            ends.add(running)
        left = self._budget.work_left()
        await asyncio.wait(
            ends,
            timeout=None if left == math.inf else left,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if running and running.done():
            deciding.cancel()
            running.result()
            raise RuntimeError("the worker stopped without being told to")
        if deciding.done():
            return deciding.result()
        deciding.cancel()
        return Stop("signal" if self._stopped.done() else "deadline")

    async def _close_softly(self, worker: InvocationWorker) -> None:
        if self._stop.reason in ("deadline", "result"):
            async with at_most(math.inf, self._stopped):
                await worker.close_softly(awaited=self._stop.reason == "result")

    async def _drain(self, thread: LoopThread, closing: Closing) -> None:
        worker, strategy = self._worker, self._running_strategy
        if worker is None or strategy is None:
            return
        assert self._terminated is not None
        if worker.started:
            error = await worker.drain(closing, self._terminated)
            thread.check()
            self._note_drained(worker, error)
            stuck = worker.stuck
        else:
            ends: set[asyncio.Future[Any]] = {strategy, self._terminated}
            limit = closing.drain_left()
            await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            stuck = not strategy.done()
        if stuck:
            abandoned = worker.activities.describe() or [{"worker": "shutdown"}]
            self._report.abandoned += abandoned
            logger.error(
                "the worker did not stop in time; abandoned: %s",
                "; ".join(name_abandoned(entry) for entry in abandoned),
            )

    def _note_drained(self, worker: InvocationWorker, error: BaseException | None) -> None:
        if error is None and not worker.stuck:
            self._environment.connection.touch()
            return
        # Core still has a stuck worker on its books for this connection, and would refuse the next.
        self._environment.connection.discard()
        if error and error is not self._error:
            self._failed(error)

    def _conclude(self) -> None:
        if self._strategy and self._stop.reason in ("deadline", "signal"):
            try:
                self._stop = self._stop._replace(result=self._strategy.outcome())
            except Exception as error:
                self._failed(error)

    async def _finish(self, thread: LoopThread, closing: Closing) -> None:
        if self._hurried:
            closing = self._budget.close()
        self._note_work()
        self._steps = steps = ClosingSteps(closing, self._report)
        self._info.bound_steps(steps.step_left)
        worker = self._worker
        if worker and self._report.abandoned and worker.activities.on_server:
            gone_after = closing.hooks_left() + MARGIN
            steps.add(
                "hand-back",
                "abandoned activities",
                lambda: worker.hand_back(HAND_BACK, gone_after),
            )
        if isinstance(self._config.shutdown_hooks, list):
            for hook in self._config.shutdown_hooks:
                steps.add("hook", name_of(hook), hook)
        if self._teardown:
            steps.add("teardown", "configure callback", self._teardown)
        for name, last in self._info.last_steps:
            steps.add("last step", name, last)
        with self._phase("hooks"):
            await steps.run(thread)

    def stop(self) -> None:
        """End the work now; the shutdown follows as usual. Called in the loop."""
        self._stop_requested = True
        for future in (self._stopped, self._terminated if self._hurried else None):
            if future and not future.done():
                future.set_result(None)
        if self._steps and self._hurried:
            self._steps.interrupt()

    # On the handler's thread from here on.

    def hurry(self) -> float:
        """See ``Supervised``."""
        self._hurried = True
        self._budget = self._budget.hurry(TERMINATION)
        closing = self._budget.close()
        if self._steps:
            self._steps.hurry(closing)
        return closing.drain_end

    def leave(self, where: str) -> Main:
        """Give up on a loop that shows no sign of life.

        Args:
            where: The line of code it is at.

        Returns:
            What is left to do in another loop.
        """
        steps, closing = self._steps, self._budget.close()
        self.due = closing.hooks_end
        if steps is None:
            self._abandon_loop(where)
            return lambda thread: self._finish(thread, closing)
        if step := steps.abandon_current():
            logger.error("%s was abandoned: it blocks at %s", name_abandoned(step), where)
        return steps.run

    def _abandon_loop(self, where: str) -> None:
        self._failed(
            EventLoopBlockedError(
                f"the event loop is blocked at {where}; use a thread or an async call there"
            )
        )
        running = self._worker.activities.describe() if self._worker else []
        self._report.abandoned += [*running, {"event loop": where}]
        self._loop_blocked = True
        self._report.leave_phase(self._report.current_phase, self._clock)
        self._environment.connection.discard()

    def _finish_report(self, thread: LoopThread) -> None:
        if not self._report.abandoned:
            self._report.abandoned += [{"task": name} for name in thread.left_over]
        if thread.error:
            self._failed(thread.error)
        # A loop that was left behind has not ended its last phase.
        self._report.leave_phase(self._report.current_phase, self._clock)
        self._note_work()
        if self._steps and not self._error:
            self._error = self._steps.teardown_error
        self._report.measure(self._info.elapsed())
        if self._config.cloudwatch_metrics:
            self._report.print_metrics(self._config.worker_config.get("task_queue") or "unknown")
        else:
            self._report.log()
        if self._must_recycle() and is_lambda():
            end_process(self._error)

    def _note_work(self) -> None:
        worker, begun = self._worker, self._running_strategy
        if self._stop.reason == "signal" or begun:
            self._report.stop_reason = self._stop.reason
        if worker and begun and (worker.counted or not worker.started):
            self._report.count(worker.slots.tasks, worker.slots.busy_seconds)

    def _must_recycle(self) -> bool:
        recycling, worker = self._config.recycle_environment, self._worker
        # After SIGTERM the process is Lambda's to end.
        if recycling == "never" or self._hurried or not self._report.abandoned:
            return False
        left = worker and worker.started and (worker.stuck or self._loop_blocked)
        return recycling == "abandoned" or bool(worker and left and worker.polls)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        with self._report.phase(name, self._clock):
            yield

    def _share(self, deadline: Deadline) -> Budget:
        graceful = self._config.worker_config.get("graceful_shutdown_timeout", timedelta())
        return Budget.share(deadline, self._config.shutdown_deadline_buffer, graceful)

    def _latest_sign_of_life(self) -> float:
        return self._clock() + self._budget.setup_left()

    def _failed(self, error: BaseException) -> None:
        self._report.failed(error)
        if self._error is None:
            self._error = error
        else:
            logger.error("%s failed as well", self._report.current_phase, exc_info=error)
