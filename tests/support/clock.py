"""A clock for what needs no real time."""

from __future__ import annotations


class Clock:
    """Time in seconds that goes on only when told to.

    Args:
        now: When it begins.

    Attributes:
        now: The time; a test adds to it.
    """

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
