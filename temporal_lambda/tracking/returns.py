"""Knows which tasks will come back to this worker, and when: timers, and retries of activities.

Temporal's default retry comes after 1 s, ``workflow.sleep(1)`` fires after about a second. A worker
that closes in that very moment loses the task, so whoever closes it asks here first.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    WorkflowRunner,
)

from temporal_lambda.deadline import Clock
from temporal_lambda.tracking.retries import retry_delay
from temporal_lambda.tracking.watched_runner import WatchedRunner

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

GUARD = 0.3
"""Seconds before a known return in which no worker may close: several round trips, and the time a
shutdown takes."""

OVERDUE = 1.2
"""Seconds after its moment in which a known return may still come: a server looks for timers that
are due about once a second."""

FOLLOWS = 3.0
"""Seconds after the end of an activity in which its workflow's next task may still come here. It
takes milliseconds, unless the server is in trouble, as after a restart. By our default it stays for
2 s with the worker that has the workflow in its cache (``sticky_queue_schedule_to_start_timeout``),
and then goes to any other, of which this one is the nearest."""

ENDS = frozenset(
    {
        "complete_workflow_execution",
        "fail_workflow_execution",
        "cancel_workflow_execution",
        "continue_as_new_workflow_execution",
    }
)
"""The commands that end a run."""

AWAITED = {
    "schedule_activity": "resolve_activity",
    "start_child_workflow_execution": "resolve_child_workflow_execution",
    "schedule_nexus_operation": "resolve_nexus_operation",
    "signal_external_workflow_execution": "resolve_signal_external_workflow",
    "request_cancel_external_workflow_execution": "resolve_request_cancel_external_workflow",
}
"""The commands that ask something of others, and the jobs that bring the answer."""

ANSWERS = frozenset(AWAITED.values())

NEXT_TASK = "next_task"
"""What is awaited of the server after a run has continued as new, or has failed its task: the first
task of the next run, or the next attempt. Both come at once, and the cache has nothing of them."""

Timer = tuple[str, int]
Awaited = tuple[str, str, int]
Retry = tuple[str | None, str]


class KnownReturns(Interceptor):
    """A worker interceptor, and a wrapper of workflow runners, that keep what will come back.

    Args:
        clock: Returns seconds; the moments are on this clock.
        wall_clock: Returns seconds since the epoch, to compare with the server's times.
        queried: Is called for each query.
    """

    def __init__(
        self,
        clock: Clock,
        wall_clock: Clock = time.time,
        queried: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._queried = queried
        # Workflows run in threads of their own.
        self._lock = threading.Lock()
        self._timers: dict[Timer, float] = {}
        self._retries: dict[Retry, float] = {}
        self._awaited: set[Awaited] = set()
        self._activities: dict[Retry, Awaited] = {}
        self._following: dict[Awaited, float] = {}

    def next_due(self) -> float | None:
        """The moment of the nearest known return that may still come; ``None`` for none."""
        return min([*self._dues(), *self._on_their_way()], default=None)

    def on_wall_clock(self) -> list[float]:
        """The moments of timers and retries, in seconds since the epoch."""
        ahead = self._wall_clock() - self._clock()
        return [due + ahead for due in self._dues()]

    def _on_their_way(self) -> list[float]:
        earliest = self._clock() - FOLLOWS
        with self._lock:
            self._following = {key: at for key, at in self._following.items() if at > earliest}
            return list(self._following.values())

    def _dues(self) -> list[float]:
        earliest = self._clock() - OVERDUE
        with self._lock:
            self._retries = {key: due for key, due in self._retries.items() if due > earliest}
            self._timers = {key: due for key, due in self._timers.items() if due > earliest}
            return [*self._timers.values(), *self._retries.values()]

    @property
    def awaits_others(self) -> bool:
        """Whether a workflow waits for what others do, if nothing is in flight here.

        That is an activity in another invocation, a child workflow, or a Nexus operation. An
        activity that waits for its retry is none: when it comes is known.
        """
        with self._lock:
            return len(self._awaited) > len(self._retries)

    def is_near(self) -> bool:
        """Whether a known return may come while a worker that closes now is closing."""
        due = self.next_due()
        return due is not None and due - GUARD < self._clock()

    def watch(self, runner: WorkflowRunner) -> WorkflowRunner:
        """Make a runner that runs workflows as ``runner`` does, and keeps their timers here."""
        return WatchedRunner(runner, self.workflow_advanced)

    def workflow_advanced(
        self, activation: WorkflowActivation, completion: WorkflowActivationCompletion
    ) -> None:
        """Note what an activation has fired, and what its completion starts."""
        run = activation.run_id
        begun = self._clock()
        if activation.is_replaying and activation.HasField("timestamp"):
            # The timers of a replayed task began when that task did, by the server's clock.
            begun += activation.timestamp.ToNanoseconds() / 1e9 - self._wall_clock()
        with self._lock:
            for job in activation.jobs:
                # A run that leaves the cache keeps its timers here: they fire all the same, and
                # replay finds the same ones.
                brings = job.WhichOneof("variant")
                if brings == "fire_timer":
                    self._timers.pop((run, job.fire_timer.seq), None)
                elif brings in ANSWERS:
                    self._answered((run, brings, getattr(job, brings).seq))
                elif job.resolve_child_workflow_execution_start.HasField("failed"):
                    seq = job.resolve_child_workflow_execution_start.seq
                    self._answered((run, "resolve_child_workflow_execution", seq))
                elif brings == "remove_from_cache":
                    next_task = {(run, NEXT_TASK, 0)} & self._awaited
                    self._forget_awaited(run)
                    self._awaited |= next_task
                elif brings == "initialize_workflow":
                    before = job.initialize_workflow.continued_from_execution_run_id
                    self._answered((run, NEXT_TASK, 0))
                    self._answered((before, NEXT_TASK, 0))
                elif brings == "query_workflow":
                    self._queried()
            if completion.HasField("failed"):
                self._awaited.add((run, NEXT_TASK, 0))
            for command in completion.successful.commands:
                kind = command.WhichOneof("variant")
                if kind in AWAITED:
                    awaited = (run, AWAITED[kind], getattr(command, kind).seq)
                    self._awaited.add(awaited)
                    if kind == "schedule_activity":
                        self._activities[run, command.schedule_activity.activity_id] = awaited
                if kind == "start_timer":
                    delay = command.start_timer.start_to_fire_timeout.ToNanoseconds() / 1e9
                    self._timers[run, command.start_timer.seq] = begun + delay
                elif kind == "cancel_timer":
                    self._timers.pop((run, command.cancel_timer.seq), None)
                elif kind in ENDS:
                    self._forget(run)
                if kind == "continue_as_new_workflow_execution":
                    self._awaited.add((run, NEXT_TASK, 0))

    def _answered(self, awaited: Awaited) -> None:
        self._awaited.discard(awaited)
        self._following.pop(awaited, None)

    def _forget(self, run: str) -> None:
        self._timers = {key: due for key, due in self._timers.items() if key[0] != run}
        self._retries = {key: due for key, due in self._retries.items() if key[0] != run}
        self._forget_awaited(run)

    def _forget_awaited(self, run: str) -> None:
        self._awaited = {one for one in self._awaited if one[0] != run}
        self._activities = {key: one for key, one in self._activities.items() if key[0] != run}
        self._following = {one: at for one, at in self._following.items() if one[0] != run}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _WatchedActivity(next, self)

    def attempt_began(self, info: activity.Info) -> None:
        """Note that a retry has come."""
        with self._lock:
            self._retries.pop(_retry(info), None)

    def attempt_failed(self, info: activity.Info, error: BaseException) -> None:
        """Note when the server will retry an attempt, if it will."""
        delay = retry_delay(info, error)
        if delay is None or self._wall_clock() + delay > _closes_at(info):
            self.activity_ended(info)
            return
        with self._lock:
            self._retries[_retry(info)] = self._clock() + delay

    def activity_ended(self, info: activity.Info) -> None:
        """Note that a workflow in this cache, if it awaits this one, gets its next task now."""
        with self._lock:
            awaited = self._activities.pop(_retry(info), None)
            if awaited in self._awaited:
                self._following[awaited] = self._clock()


def _closes_at(info: activity.Info) -> float:
    """Seconds since the epoch."""
    if not info.schedule_to_close_timeout:
        return math.inf
    return info.scheduled_time.timestamp() + info.schedule_to_close_timeout.total_seconds()


def _retry(info: activity.Info) -> Retry:
    return info.workflow_run_id, info.activity_id


class _WatchedActivity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, returns: KnownReturns) -> None:
        super().__init__(next)
        self._returns = returns

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        info = activity.info()
        if info.is_local:
            return await super().execute_activity(input)
        self._returns.attempt_began(info)
        try:
            result = await super().execute_activity(input)
        except (Exception, asyncio.CancelledError) as error:
            details = activity.cancellation_details()
            if details and details.cancel_requested:
                self._returns.activity_ended(info)
            elif not isinstance(error, CancelledError | asyncio.CancelledError):
                self._returns.attempt_failed(info, error)
            raise
        self._returns.activity_ended(info)
        return result
