"""The handler's thread: runs an invocation's loop, watches it, and leaves it if it is blocked."""

from __future__ import annotations

from contextvars import Context
from typing import Protocol

from temporal_lambda.deadline import Clock
from temporal_lambda.supervision.loop_thread import LoopThread, Main


class Supervised(Protocol):
    """What runs in the loop.

    Attributes:
        due: The moment by which a loop that starts now must give its first sign of life.
        context_variables: What a loop that starts now begins with.
    """

    due: float
    context_variables: Context

    async def phases(self, thread: LoopThread) -> None:
        """All phases, from the first to the last that runs in a loop."""

    def leave(self, where: str) -> Main:
        """Note that the loop is blocked at ``where``; what is left to do in another one."""

    def stop(self) -> None:
        """End the work; called in the loop."""

    def hurry(self) -> float:
        """Make do with the time between SIGTERM and the kill; called before ``stop``.

        Returns:
            The moment by which hooks must begin.
        """


class Supervision:
    """Runs phases in a loop of their own until they are done, whatever they do to that loop.

    Args:
        supervised: The phases.
        clock: Returns seconds.

    Attributes:
        interrupt: Ctrl-C, if it was pressed; the phases have then come to their end all the same.
    """

    def __init__(self, supervised: Supervised, clock: Clock) -> None:
        self._supervised = supervised
        self._clock = clock
        self._thread: LoopThread | None = None
        self.interrupt: KeyboardInterrupt | None = None

    def run(self) -> LoopThread:
        """Run the phases; take over from a blocked loop as often as it needs.

        Returns:
            The thread that came to the end.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed a second time; the phases are left as they are.
        """
        thread = self._start(self._supervised.phases)
        while not self._wait(thread):
            thread = self._start(self._supervised.leave(thread.where()))
        return thread

    def _start(self, main: Main) -> LoopThread:
        supervised = self._supervised
        thread = LoopThread(main, self._clock, supervised.due, supervised.context_variables)
        self._thread = thread
        thread.start()
        return thread

    def _wait(self, thread: LoopThread) -> bool:
        try:
            return thread.wait()
        except KeyboardInterrupt as interrupt:
            if self.interrupt:
                raise
            self.interrupt = interrupt
            thread.call(self._supervised.stop)
            return self._wait(thread)

    def terminate(self) -> None:
        """End the phases in the time that SIGTERM leaves. Called in a signal handler."""
        due = self._supervised.hurry()
        if self._thread:
            self._thread.hurry(due)
            self._thread.call(self._supervised.stop)
