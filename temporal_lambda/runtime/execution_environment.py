"""What an execution environment keeps from one invocation to the next."""

from __future__ import annotations

import os
import time

from temporal_lambda.deadline import Clock
from temporal_lambda.process import init_seconds
from temporal_lambda.report import milliseconds
from temporal_lambda.runtime.config_factory import ConfigFactory
from temporal_lambda.runtime.configure_callback import Configure
from temporal_lambda.runtime.connection import WarmConnection
from temporal_lambda.runtime.executors import KnownExecutors
from temporal_lambda.runtime.running_mark import RunningMark
from temporal_lambda.runtime.work_strategy import StrategyFactory
from temporal_lambda.tracking.arrivals import Arrivals

ONLOOKER = "_TEMPORAL_LAMBDA_ONLOOKER"
"""The variable by which a local Lambda says where it wants to be told of running invocations."""


class ExecutionEnvironment:
    """What outlives an invocation.

    Attributes:
        factory: Makes configurations.
        configure: The user's callback.
        strategy: Chooses what to do for an event.
        connection: The warm connection.
        executors: What is known of the executors that invocations have used.
        arrivals: What has come from outside so far.
        clock: Returns seconds.
        running: Says which invocation runs here, to whoever comes after it.
        init_ms: Milliseconds that the process took until its handler was made, for the first
            invocation to report; ``None`` where that can't be known.
        onlooker: Where to tell what a running invocation has done; ``None`` in AWS.
        introduced: Whether the log says already what is served here.
        advised: Whether a report has said already what would make invocations cheaper.
    """

    def __init__(
        self,
        factory: ConfigFactory,
        configure: Configure,
        strategy: StrategyFactory,
        connection: WarmConnection,
        clock: Clock = time.monotonic,
    ) -> None:
        self.factory = factory
        self.configure = configure
        self.strategy = strategy
        self.connection = connection
        self.executors = KnownExecutors()
        self.arrivals = Arrivals()
        self.clock = clock
        self.running = RunningMark()
        self.init_ms = milliseconds(age) if (age := init_seconds()) is not None else None
        self.onlooker = os.environ.get(ONLOOKER)
        self.introduced = False
        self.advised = False
