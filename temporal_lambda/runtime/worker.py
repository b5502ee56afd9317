"""The worker of one invocation: started, counted, drained, and if need be left behind."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.runtime import first_polls
from temporal_lambda.runtime.budget import SOFT_CLOSE, Budget
from temporal_lambda.runtime.leaving import AUTO, Leaving
from temporal_lambda.runtime.sdk_workers import SdkWorkers
from temporal_lambda.runtime.task_queues import what_is_served, worker_configs
from temporal_lambda.runtime.worker_observer import WorkerObserver
from temporal_lambda.timeouts import CLEANUP
from temporal_lambda.tracking.activities import NO_PAUSE, ActivitiesInFlight, invocation_ended
from temporal_lambda.tracking.activity_times import ActivityTimes, TimeForActivities
from temporal_lambda.tracking.arrivals import Arrivals
from temporal_lambda.tracking.returns import KnownReturns
from temporal_lambda.tracking.slots import Kind, SlotCounter
from temporal_lambda.tracking.workflows import UnfinishedWorkflows

RETURN_INTERVAL = 0.02
"""Seconds between two looks at whether a known return has come."""

BEFORE_CLOSE = 1.0
"""Seconds before the soft close from which on no slot is handed out ahead of its poll."""


class InvocationWorker:
    """A Temporal worker whose tasks are counted and whose activities are known by name.

    Args:
        config: This invocation's configuration.
        budget: This invocation's time.
        arrivals: What earlier invocations have seen; it learns from this one.

    Attributes:
        slots: Counts tasks; counts nothing where a tuner was brought.
        activities: The activities in flight.
        returns: Knows which tasks will come back, and when.
        leaving: Decides when to leave, if the configuration leaves that to us.
        stuck: Whether it did not end when it was drained.
    """

    def __init__(
        self, config: LambdaWorkerConfig, budget: Budget, arrivals: Arrivals | None = None
    ) -> None:
        self._config = config
        self._budget = budget
        self._client: Client | None = None
        self._workers: SdkWorkers | None = None
        self._run: asyncio.Task[None] | None = None
        clock, arrivals = budget.deadline.clock, arrivals or Arrivals()
        self.slots = SlotCounter(clock)
        self.activities = ActivitiesInFlight()
        self.returns = KnownReturns(clock, queried=arrivals.called)
        self.leaving = Leaving(
            self.slots,
            self.returns,
            arrivals,
            clock,
            entered_at=clock() - config.invocation.elapsed(),
            fans_out=config.poll_cancellation_fans_out,
            cold=config.invocation.cold,
        )
        self._workflows = UnfinishedWorkflows()
        self._configs = worker_configs(config)
        interceptors = [_activity_times(config, budget), self.activities, self._workflows]
        self._observers = [
            WorkerObserver(
                self.slots,
                self.returns,
                interceptors,
                graceful_timeout=budget.fitting_graceful_timeout,
                needs_slots=config.idle_timeout is not None,
                versioning=config.worker_config.get("deployment_config"),
            )
            for _ in self._configs
        ]
        self.stuck = False

    @property
    def started(self) -> bool:
        """Whether it has begun to poll."""
        return self._run is not None

    @property
    def counted(self) -> bool:
        """Whether ``slots`` sees its tasks."""
        return all(observer.counts for observer in self._observers)

    @property
    def has_polled(self) -> bool:
        """Whether the server has accepted it, so that polls could begin.

        Where a tuner hides that, it is taken for granted: a worker that works must not be ended.
        """
        return self.slots.has_polled or not self.counted

    def _polls_since(self) -> float | None:
        if self.counted:
            return self.slots.first_poll_at
        return self.leaving.started_at + first_polls.UNSEEN

    @property
    def polls(self) -> bool:
        """Whether it may still be given new work; for certain only where slots are seen."""
        return bool(self.slots.open_polls) if self.counted else not self.activities.describe()

    def start(self, client: Client) -> asyncio.Task[None]:
        """Begin to poll.

        Returns:
            The running worker; a plugin may end it before it is told to shut down.

        Raises:
            SettingsError: ``idle_timeout`` is set, and a plugin brought a tuner.
            ConnectError: In the running worker: the server refuses it or has no such namespace.
            Exception: What the SDK says of the configuration.
        """
        for config, observer in zip(self._configs, self._observers, strict=True):
            # Core knows only the identity the connection was made with.
            config["identity"] = config.get("identity") or client.identity
            # Last, so that it sees what the user's plugins have made of the configuration.
            config["plugins"] = [*config.get("plugins", []), observer]
        self._client = client
        self._workers = SdkWorkers(client, self._configs)
        self.leaving.started()
        self._run = asyncio.create_task(self._workers.run())
        if (left := self._budget.work_left()) < math.inf:
            asyncio.get_running_loop().call_later(left - BEFORE_CLOSE, self.slots.expect_close)
        return self._run

    def describe(self) -> dict[str, Any]:
        """The task queue and what is registered, by name; ``more_workers`` if there are any."""
        first, *more = map(what_is_served, self._configs)
        return {**first, "more_workers": more} if more else first

    def tasks_by_queue(self) -> dict[str, dict[Kind, int]] | None:
        """The tasks that have begun, by task queue and kind; ``None`` if there is but one queue."""
        if len(self._configs) == 1:
            return None
        queues = [config["task_queue"] for config in self._configs]
        return {queue: self.slots.tasks_of(queue) for queue in queues}

    async def stays_idle(self) -> bool:
        """Close softly because nothing was to do, unless something comes after all.

        Work that arrives in a worker which is only idle is no reason to hurry: it gets all the
        time of the invocation, as if nobody had thought of closing.

        Returns:
            Whether nothing came; else the worker goes on as before, unless its time to work is
            over: then it stays closed for new work.
        """
        if self._config.idle_timeout == AUTO:
            return not self.leaving.seconds_to_stay()
        await self._wait_for_returns()
        still_to_wait = SOFT_CLOSE - self.slots.quiet_seconds()
        if still_to_wait <= 0:
            return not self.slots.in_flight
        self.slots.refuse_polls()
        limit = min(self._budget.idle_close_left(), still_to_wait)
        if await self.slots.stays_quiet(limit) and not self.returns.is_near():
            return True
        if self._budget.work_left():
            self.slots.accept_polls()
        return False

    async def _wait_for_returns(self) -> None:
        """Stay open while a task that is known to come back would come into the closing."""
        while (
            self.returns.is_near()
            and not self.slots.in_flight
            and self._budget.idle_close_left() > 0
        ):
            await asyncio.sleep(RETURN_INTERVAL)

    async def close_softly(self, *, awaited: bool) -> None:
        """Take in no more work, and let what is on its way arrive, before the worker is shut down.

        A task that the server hands to a poll while the worker shuts down is lost until its
        timeout. So slots for new work are refused first, the polls that are open are left alone
        (under load the next arrivals use them up), and what they bring is worked off, to the end of
        workflows whose activities run elsewhere: their next task comes here as soon as those end.
        Where a user's tuner hides the slots, nothing can be refused or waited for.

        Args:
            awaited: Whether somebody waits for the invocation's result.
        """
        if not self.counted:
            return
        self.slots.refuse_polls()
        await self._settle(self._budget.soft_close_left(awaited=awaited))
        if self._workflows.unfinished and not (awaited or self.activities.describe()):
            await self._settle(self._budget.overtime_left())

    async def _settle(self, limit: float) -> None:
        await self.slots.wait_until_settled(limit, lambda: self._workflows.unfinished)

    async def drain(self, closing: Budget, hurry: asyncio.Future[None]) -> BaseException | None:
        """Shut down, as far as the time goes.

        On return the worker has ended, or it is ``stuck`` and has been cancelled.

        Args:
            closing: The time there is.
            hurry: Once done there is no more time to wait for anything.

        Returns:
            The error the worker ended with, if any.
        """
        if self._run is None or self._workers is None:
            return None
        ends: set[asyncio.Future[None]] = {self._run}
        if not hurry.done():
            ends.add(hurry)
            await first_polls.reach_the_server(self._polls_since, ends, closing)
        self.leaving.leave()
        shutdown = asyncio.create_task(self._workers.shutdown())
        limit = max(0.0, closing.drain_left() - CLEANUP)
        await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        shutdown.cancel()
        self.stuck = not self._run.done()
        if self.stuck:
            # The user's worker plugins get a moment to clean up, before the hooks run.
            self._run.cancel()
            await asyncio.wait({self._run}, timeout=CLEANUP)
            return None
        return None if self._run.cancelled() else self._run.exception()

    async def hand_back(self, limit: float, gone_after: float) -> None:
        """Tell the server that the activities in flight are given up, so that it retries them now.

        Otherwise it would learn of their end by their timeouts. What they may still say later, as
        threads that can't be stopped, the server no longer takes.

        Args:
            limit: Seconds it may take.
            gone_after: Seconds until this process has ended; a retry before that might be given to
                a poll of this worker that is still open.

        Raises:
            TimeoutError: The server does not know of all of them.
        """
        assert self._client is not None
        timeout = timedelta(seconds=limit)
        error = invocation_ended(timedelta(seconds=gone_after) if self.polls else NO_PAUSE)
        calls = {
            asyncio.create_task(
                self._client.get_async_activity_handle(task_token=lost.info.task_token).fail(
                    error,
                    last_heartbeat_details=lost.heartbeat_details,
                    rpc_timeout=timeout,
                )
            )
            for lost in self.activities.on_server
        }
        try:
            _, late = await asyncio.wait(calls, timeout=limit)
        finally:
            for call in calls:
                call.cancel()
        if late or not all(_is_known(call.exception()) for call in calls):
            raise asyncio.TimeoutError(
                "the server could not be told of all abandoned activities; it learns of them by "
                "their timeouts"
            )


def _activity_times(config: LambdaWorkerConfig, budget: Budget) -> ActivityTimes:
    graceful = budget.fitting_graceful_timeout

    def left() -> float:
        return budget.work_left() + graceful

    return ActivityTimes(
        config.activity_needs, TimeForActivities(left, budget.work_left, left(), graceful)
    )


def _is_known(error: BaseException | None) -> bool:
    """Whether the server knows that an activity is over: not found means that it was before."""
    return error is None or (
        isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND
    )
