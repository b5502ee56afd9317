"""What an execution environment keeps from one invocation to the next."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from temporal_lambda.deadline import Clock
from temporal_lambda.runtime.config_factory import ConfigFactory
from temporal_lambda.runtime.configure_callback import Configure
from temporal_lambda.runtime.connection import WarmConnection
from temporal_lambda.runtime.executors import KnownExecutors
from temporal_lambda.runtime.work_strategy import StrategyFactory
from temporal_lambda.tracking.arrivals import Arrivals


@dataclass
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
        introduced: Whether the log says already what is served here.
        advised: Whether a report has said already what would make invocations cheaper.
    """

    factory: ConfigFactory
    configure: Configure
    strategy: StrategyFactory
    connection: WarmConnection
    executors: KnownExecutors = field(default_factory=KnownExecutors)
    arrivals: Arrivals = field(default_factory=Arrivals)
    clock: Clock = time.monotonic
    introduced: bool = False
    advised: bool = False
