"""The handler's thread: runs an invocation in a loop, watches it, and leaves it if it must."""

from __future__ import annotations

from typing import Any

from temporal_lambda.deadline import Clock
from temporal_lambda.runtime.ending import Ending
from temporal_lambda.runtime.invocation import Handover, Invocation
from temporal_lambda.runtime.lifeline import Lifeline
from temporal_lambda.supervision.loop_thread import LoopThread
from temporal_lambda.supervision.sigterm import on_sigterm


class Supervisor:
    """Brings an invocation to its end, whatever its code does to the loop it runs in.

    Args:
        invocation: The timeline, which runs in a loop.
        ending: What comes of it, on this thread.
        clock: Returns seconds.
    """

    def __init__(self, invocation: Invocation, ending: Ending, clock: Clock) -> None:
        self._invocation = invocation
        self._ending = ending
        self._clock = clock
        self._lifeline: Lifeline | None = None
        self._thread: LoopThread | None = None
        self._interrupt: KeyboardInterrupt | None = None

    def run(self) -> Any:
        """Run the invocation; take over from a loop that is left behind as often as need be.

        Returns:
            What the handler returns.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; at the second time everything is left as it is.
            BaseException: What the handler raises, after everything has been closed.
        """
        with on_sigterm(self._terminate):
            thread = self._start(self._invocation.begin())
            while not self._wait(thread):
                self._ending.leave_loop(thread.where(), is_alive=thread.is_alive)
                thread = self._start(self._invocation.take_over())
            self._ending.write_report(thread.left_over, thread.cancelled, thread.error)
        if self._interrupt:
            raise self._interrupt
        return self._ending.result()

    def _start(self, handover: Handover) -> LoopThread:
        self._lifeline = Lifeline(handover.due, self._clock)
        self._thread = thread = LoopThread(handover.main, self._lifeline, handover.context)
        thread.start()
        return thread

    def _wait(self, thread: LoopThread) -> bool:
        try:
            return thread.wait()
        except KeyboardInterrupt as interrupt:
            if self._interrupt:
                raise
            self._interrupt = interrupt
            thread.call(self._invocation.stop)
            return self._wait(thread)

    def _terminate(self) -> None:
        """End the invocation in the time that SIGTERM leaves. Called in a signal handler."""
        due = self._ending.hurry()
        if self._thread and self._lifeline:
            self._lifeline.hurry(due)
            self._thread.call(self._invocation.stop)
