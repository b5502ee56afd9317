"""A loop that was left behind and comes back while another one finishes its invocation."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

from temporal_lambda import LambdaWorkerConfig
from tests.support.invocations import FakeClock, run_invocation
from tests.support.waiting import PATIENCE


def test_loop_that_comes_back_leaves_the_rest_of_the_callback_to_the_next_one() -> None:
    events: list[str] = []
    left_behind, is_back = threading.Event(), threading.Event()
    clock = FakeClock()

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        def blocks() -> None:
            left = config.invocation.remaining_hook_time()
            assert left
            clock.jump(left.total_seconds())
            left_behind.wait(PATIENCE)
            events.append("comes back")
            is_back.set()

        def outlasts_it() -> None:
            # It runs in another loop.
            left_behind.set()
            is_back.wait(PATIENCE)
            # Time for the loop that is back to go on with the callback, which it must not.
            threading.Event().wait(0.1)
            events.append("next hook")

        config.shutdown_hooks = [blocks, outlasts_it]
        yield
        events.append("teardown")

    run = run_invocation(configure, seconds=10, clock=clock)
    assert run.report["abandoned"][0] == {"hook": configure.__qualname__ + ".<locals>.blocks"}
    assert events == ["comes back", "next hook", "teardown"]
