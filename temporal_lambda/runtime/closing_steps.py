"""What is left to do once the worker has stopped: each step runs once, in order, bounded."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from temporal_lambda.report import InvocationReport
from temporal_lambda.runtime.budget import Budget
from temporal_lambda.runtime.lifeline import Lifeline
from temporal_lambda.timeouts import Stopped, TimeExpired, at_most

logger = logging.getLogger("temporal_lambda.shutdown")

RESERVE = 0.1
"""Seconds kept for each step that is still to come; most hooks need microseconds."""

LEAVING = 0.15
"""Seconds kept beside these, since it takes that long to leave a step that blocks its loop."""


class Step(NamedTuple):
    """A step that waits for its turn.

    Attributes:
        what: What it is, for the log: ``hook``, for instance.
        name: Which one.
        call: Is called; what it returns is awaited if it can be.
        longest: Seconds it may take at most, however much time there is.
    """

    what: str
    name: str
    call: Callable[[], Any]
    longest: float


class ClosingSteps:
    """Telling the server what was abandoned, the hooks, the teardown, and what looks at all these.

    A step that blocks its event loop can't be interrupted, but it can be left behind: a second
    loop, on another thread, goes on with the step after it.

    Args:
        closing: The time there is.
        report: Where errors and abandoned steps are noted.

    Attributes:
        teardown_error: What the teardown raised, if it did.
    """

    def __init__(self, closing: Budget, report: InvocationReport) -> None:
        self._closing = closing
        self._report = report
        self._hurry: asyncio.Future[None] | None = None
        self._steps: deque[Step] = deque()
        self._current: dict[str, str] | None = None
        self._step_end = closing.hooks_end
        self.teardown_error: BaseException | None = None

    def add(self, what: str, name: str, call: Callable[[], Any], longest: float = math.inf) -> None:
        """Queue a step; see :py:class:`Step`."""
        self._steps.append(Step(what, name, call, longest))

    def hurry(self, closing: Budget) -> None:
        """Make do with less time from now on. Called in any thread, also in a signal handler."""
        self._closing = closing

    def interrupt(self) -> None:
        """End the step that runs, if it awaits. Called in the loop, after ``hurry``."""
        if self._hurry and not self._hurry.done():
            self._hurry.set_result(None)

    async def run(self, lifeline: Lifeline) -> None:
        """Run what is left, in this loop, until done or until the loop has been left behind.

        Each step may take all the time that is left, but for a small reserve for each step after
        it.
        """
        while self._steps:
            self._hurry = asyncio.get_running_loop().create_future()
            step = self._steps[0]
            limit = min(step.longest, self._limit())
            self._step_end = self._closing.now + limit
            # Only who may go on takes the step out: another loop may have taken over meanwhile.
            lifeline.expect(self._step_end)
            self._steps.popleft()
            self._current = {step.what: step.name}
            error = await _run_step(step.call, limit, self._hurry)
            lifeline.check()
            if error:
                self._note(step.what, step.name, error)
            self._current = None

    def _limit(self) -> float:
        left, behind = self._closing.hooks_left(), len(self._steps) - 1
        if not behind or left == math.inf:
            return left
        equal_share = left / (behind + 1)
        return left - behind * min(RESERVE + LEAVING / behind, equal_share)

    def step_left(self) -> float:
        """Seconds that the running step may still take; never negative."""
        return max(0.0, self._step_end - self._closing.now)

    def abandon_current(self) -> dict[str, str] | None:
        """The step whose loop is being left behind, ``None`` if none is running."""
        if self._current:
            self._report.abandoned.append(self._current)
        return self._current

    def _note(self, what: str, name: str, error: BaseException) -> None:
        if isinstance(error, TimeExpired | Stopped):
            logger.error("%s %s was abandoned: %s", what, name, error)
            self._report.abandoned.append({what: name})
            return
        logger.error("%s %s failed", what, name, exc_info=error)
        self._report.failed(error, f"{what} {name}")
        if what == "teardown":
            self.teardown_error = error


async def _run_step(
    call: Callable[[], Any], limit: float, hurry: asyncio.Future[None]
) -> BaseException | None:
    try:
        async with at_most(limit, hurry):
            result = call()
            if inspect.isawaitable(result):
                await result
    except BaseException as error:
        return error
    return None
