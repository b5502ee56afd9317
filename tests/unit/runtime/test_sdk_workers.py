"""Several workers run, end and are shut down as one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from temporal_lambda.runtime import sdk_workers
from temporal_lambda.runtime.sdk_workers import SdkWorkers


class FakeWorker:
    """Stands for the SDK's: runs until it is shut down, and cleans up when it is cancelled."""

    def __init__(self, client: Any, *, task_queue: str, events: list[str], error: Any = None):
        self._queue, self._events, self._error = task_queue, events, error
        self._shut_down = asyncio.Event()

    async def run(self) -> None:
        if self._error:
            raise self._error
        try:
            await self._shut_down.wait()
            self._events.append(f"{self._queue} drained")
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self._events.append(f"{self._queue} cleaned up")
            raise

    async def shutdown(self) -> None:
        self._shut_down.set()


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(sdk_workers, "Worker", FakeWorker)
    return []


def workers(events: list[str], **errors: Exception) -> SdkWorkers:
    client: Any = None
    return SdkWorkers(
        client,
        [
            {"task_queue": queue, "events": events, "error": errors.get(queue)}
            for queue in ("orders", "reports")
        ],
    )


async def test_all_are_shut_down_together(events: list[str]) -> None:
    both = workers(events)
    running = asyncio.create_task(both.run())
    await asyncio.sleep(0)
    await both.shutdown()
    await running
    assert sorted(events) == ["orders drained", "reports drained"]


async def test_error_of_one_ends_the_others_and_is_raised(events: list[str]) -> None:
    with pytest.raises(ValueError, match="no such queue"):
        await workers(events, orders=ValueError("no such queue")).run()
    assert events == ["reports drained"]


async def test_whoever_cancels_them_may_wait_for_their_clean_up(events: list[str]) -> None:
    running = asyncio.create_task(workers(events).run())
    await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert sorted(events) == ["orders cleaned up", "reports cleaned up"]
