"""What is known to come back, by a clock that tests turn."""

from __future__ import annotations

import pytest

from temporal_lambda.tracking.returns import KnownReturns
from tests.support.activations import WALL
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def returns(clock: Clock) -> KnownReturns:
    return KnownReturns(clock, lambda: WALL + clock.now - 100)
