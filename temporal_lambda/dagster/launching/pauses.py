"""How long a run waits for its next invocation."""

from __future__ import annotations

from dataclasses import dataclass

PAUSE_SECONDS = 1.0
"""Between an invocation that was not done and the next."""

FAST_SECONDS = 2.0
"""An invocation that is not done sooner than this has not worked for the run; the pause doubles."""

PINNED_PAUSE_SECONDS = 10.0
"""Before the first further invocation where another build has to go on with the run; it doubles."""

LONGEST_ELSEWHERE_SECONDS = 5.0
"""Before a further invocation at most, where another one does the work: each asks once, which takes
a fraction of a second, and the run's end is learned no later than this."""

LONGEST_PAUSE_SECONDS = 60.0
"""Between two invocations at most."""

MAX_LOST = 3
"""How many invocations of a durable run may be lost in a row before the run fails."""


@dataclass
class Pauses:
    """Counts the invocations of a run that brought it no further.

    Attributes:
        lost: Invocations without an answer in a row.
        unfinished: Answers in a row that came fast, from another build, or while another invocation
            did the work, and said "running".
        pinned: Whether they came from another build.

    Example:
        >>> pauses = Pauses()
        >>> [pauses.after_answer(lasted=0.1, pinned=False) for _ in range(4)]
        [1.0, 2.0, 4.0, 8.0]
        >>> pauses.after_answer(lasted=840, pinned=False)
        1.0
    """

    lost: int = 0
    unfinished: int = 0
    pinned: bool = False

    def after_loss(self) -> float:
        """Seconds to wait after an invocation that was lost."""
        self.lost += 1
        self.unfinished = 0
        return min(PAUSE_SECONDS * 3.0**self.lost, LONGEST_PAUSE_SECONDS)

    def after_answer(self, lasted: float, *, pinned: bool, elsewhere: bool = False) -> float:
        """Seconds to wait after an invocation that answered that the run is not done.

        Args:
            lasted: Seconds it took.
            pinned: Whether another build has to go on with the run.
            elsewhere: Whether another invocation does the work.
        """
        self.lost = 0
        if pinned != self.pinned:
            self.pinned, self.unfinished = pinned, 0
        idle = pinned or elsewhere or lasted < FAST_SECONDS
        self.unfinished = self.unfinished + 1 if idle else 0
        first = PINNED_PAUSE_SECONDS if pinned else PAUSE_SECONDS
        # Bounded, since the number would be a large one after a day.
        doublings = min(max(self.unfinished - 1, 0), 10)
        longest = LONGEST_ELSEWHERE_SECONDS if elsewhere else LONGEST_PAUSE_SECONDS
        return min(first * 2.0**doublings, longest)
