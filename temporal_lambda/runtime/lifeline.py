"""What a loop and its watcher hold both ends of: the promise of a next sign of life."""

from __future__ import annotations

import threading

from temporal_lambda.deadline import Clock

SLACK = 0.1
"""Seconds a sign of life may be late before anybody looks for the loop."""

LATENESS = 0.1
"""Seconds more for a loop that is late but alive. With ``SLACK`` and the time to find out, it still
leaves the handler the 200 ms before the deadline that are promised."""

SIGNAL_LATENCY = 0.05
"""Seconds until a signal is noticed at the latest."""


class LeftBehind(BaseException):
    """Raised in a loop that comes back to life after it was left behind: it must do no more."""


class Lifeline:
    """A loop promises its next sign of life by some moment; its watcher waits for it.

    Args:
        due: The moment by which the first sign of life must have come, in seconds of ``clock``.
        clock: Returns seconds.
    """

    def __init__(self, due: float, clock: Clock) -> None:
        self._clock = clock
        self._due = due + SLACK
        self._changed = threading.Condition()
        self._extended = False
        self._finished = False
        self.cut = False

    # The loop's end.

    def expect(self, due: float) -> None:
        """Promise the next sign of life by that moment.

        Raises:
            LeftBehind: The last promise was broken, and another loop has taken over.
        """
        with self._changed:
            self.check()
            self._due, self._extended = due + SLACK, False
            self._changed.notify_all()

    def check(self) -> None:
        """Go no further if another loop has taken over; called after user code.

        Raises:
            LeftBehind: It has.
        """
        if self.cut:
            raise LeftBehind

    def finish(self) -> None:
        """There is nothing more to wait for."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    # Anybody's.

    def hurry(self, due: float) -> None:
        """Bring the promised moment forward. Called in any thread, also in a signal handler."""
        with self._changed:
            self._due = min(self._due, due + SLACK)
            self._changed.notify_all()

    def allow(self, seconds: float) -> None:
        """Bring the promised moment forward to that many seconds from now."""
        self.hurry(self._clock() + seconds)

    # The watcher's end.

    def wait(self) -> bool:
        """Wait for the loop to finish.

        Returns:
            Whether it has; ``False`` means that a promise was broken.
        """
        with self._changed:
            while not self._finished:
                left = self._due - self._clock()
                if left <= 0:
                    return False
                # In short waits: a signal that the kernel hands to some other thread does not wake
                # this one, and Python would run its handler only when the wait is over.
                self._changed.wait(min(left, SIGNAL_LATENCY))
        return True

    def extend(self) -> bool:
        """Grant a loop that is late but alive a little more time, once per promise.

        Returns:
            Whether this promise had not been extended before.
        """
        with self._changed:
            if self._extended:
                return False
            self._due, self._extended = self._clock() + LATENESS, True
            return True

    def cut_if_overdue(self) -> bool:
        """Leave the loop behind, unless it has kept its promise in the meantime.

        Returns:
            Whether it is left behind.
        """
        with self._changed:
            self.cut = not self._finished and self._clock() >= self._due
            return self.cut
