"""A loop that was left behind and comes back while another one finishes its invocation."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.runtime.lifeline import SLACK
from temporal_lambda.supervision.loop_thread import ANSWER
from tests.support.invocations import FakeClock, run_invocation


def test_loop_that_comes_back_leaves_the_rest_of_the_callback_to_the_next_one() -> None:
    events: list[str] = []
    released = threading.Event()
    clock = FakeClock()

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        def blocks() -> None:
            left = config.invocation.remaining_hook_time()
            assert left
            # Just long enough to be left behind.
            clock.jump(left.total_seconds())
            released.wait(SLACK + 2 * ANSWER)
            events.append("comes back")

        def outlasts_it() -> None:
            released.wait(0.1)
            events.append("next hook")

        config.shutdown_hooks = [blocks, outlasts_it]
        yield
        events.append("teardown")

    run = run_invocation(configure, seconds=10, clock=clock)
    assert run.report["abandoned"][0] == {"hook": configure.__qualname__ + ".<locals>.blocks"}
    assert events == ["comes back", "next hook", "teardown"]
