"""A worker that decides when to leave, and has no server."""

from __future__ import annotations

from typing import Any

from temporal_lambda.runtime.leaving import COOL_OFF, Leaving
from temporal_lambda.tracking.arrivals import Arrivals
from temporal_lambda.tracking.returns import KnownReturns
from temporal_lambda.tracking.slots import Kind, SlotCounter
from tests.support.clock import Clock


class KnownArrivals(Arrivals):
    """Of an environment that has seen enough, from the beginning."""

    known = True


class Worker:
    """A worker without a server, whose tasks come and go as told."""

    def __init__(
        self, *, round_trip: float = 0.001, arrivals: Arrivals | None = None, **options: Any
    ) -> None:
        self.clock = Clock()
        self.slots = SlotCounter(self.clock)
        self.arrivals = arrivals or KnownArrivals(self.clock)
        self.returns = KnownReturns(self.clock, self.clock, self.arrivals.called)
        self.leaving = Leaving(
            self.slots,
            self.returns,
            self.arrivals,
            self.clock,
            entered_at=self.clock.now,
            **options,
        )
        self.leaving.started()
        self.clock.now += round_trip

    def polls(self) -> Worker:
        self.slots.poll_opened("workflow")
        return self

    def works(self, seconds: float = COOL_OFF, kind: Kind = "workflow") -> Worker:
        self.slots.begin(kind)
        self.clock.now += seconds
        self.slots.end()
        return self

    @property
    def stays(self) -> float:
        return self.leaving.seconds_to_stay()
