"""What has happened, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from temporal_lambda import LambdaWorkerConfig


class Events(list[str]):
    """What has happened, in order."""

    def does(self, what: str, error: BaseException | None = None) -> Any:
        def happen() -> None:
            self.append(what)
            if error:
                raise error

        return happen


def traced(events: Events, adjust: Any = lambda config: None) -> Any:
    """A callback that notes its two halves and registers two hooks."""

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        events.append("setup")
        config.shutdown_hooks = [events.does("first hook"), events.does("second hook")]
        adjust(config)
        yield
        events.append("teardown")

    return configure
