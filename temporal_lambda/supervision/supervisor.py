"""The handler's thread: runs an invocation in a loop, watches it, and leaves it if it must."""

from __future__ import annotations

import math
from typing import Any

from temporal_lambda.deadline import Clock
from temporal_lambda.runtime.ending import Ending
from temporal_lambda.runtime.invocation import Handover, Invocation
from temporal_lambda.runtime.lifeline import Lifeline
from temporal_lambda.supervision.loop_thread import LoopThread
from temporal_lambda.supervision.signals import on_ctrl_c, on_sigterm


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
        self._hooks_due = math.inf
        self._interrupted = False

    def run(self) -> Any:
        """Run the invocation; take over from a loop that is left behind as often as need be.

        Returns:
            What the handler returns.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; at the second time everything is left as it is.
            BaseException: What the handler raises, after everything has been closed.
        """
        with on_sigterm(self._terminate), on_ctrl_c(self._interrupt):
            thread = self._start(self._invocation.begin())
            while not thread.wait():
                self._ending.leave_loop(thread.where(), is_alive=thread.is_alive)
                thread = self._start(self._invocation.take_over())
            self._ending.write_report(thread.left_over, thread.cancelled, thread.error)
        if self._interrupted:
            raise KeyboardInterrupt
        return self._ending.result()

    def _start(self, handover: Handover) -> LoopThread:
        lifeline = Lifeline(handover.due, self._clock)
        thread = LoopThread(handover.main, lifeline, handover.context)
        self._lifeline, self._thread = lifeline, thread
        thread.start()
        # A signal that came just before found the last loop, if any.
        lifeline.hurry(self._hooks_due)
        if self._interrupted or self._hooks_due < math.inf:
            thread.call(self._invocation.stop)
        return thread

    def _terminate(self) -> None:
        """End the invocation in the time that SIGTERM leaves. Called in a signal handler."""
        self._hooks_due = self._ending.hurry()
        if self._thread and self._lifeline:
            self._lifeline.hurry(self._hooks_due)
            self._thread.call(self._invocation.stop)

    def _interrupt(self) -> None:
        """End the work, with an ordinary shutdown. Called in a signal handler."""
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        if self._thread:
            self._thread.call(self._invocation.stop)
