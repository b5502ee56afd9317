"""The request to end an invocation before its time: an ordinary shutdown, or a hurried one."""

from __future__ import annotations

import asyncio


class StopSignal:
    """Asked for from anywhere, waited for in the invocation's loop.

    Attributes:
        hurried: Whether SIGTERM came, so that there is no time to wait for anything.
    """

    def __init__(self) -> None:
        self.hurried = False
        self._requested = False
        self._stopped: asyncio.Future[None] | None = None
        self._hurry: asyncio.Future[None] | None = None

    @property
    def stopped(self) -> asyncio.Future[None]:
        """Done once the work is to end."""
        assert self._stopped is not None, "not in a loop yet"
        return self._stopped

    @property
    def hurry(self) -> asyncio.Future[None]:
        """Done once what still goes on is to be cut short."""
        assert self._hurry is not None, "not in a loop yet"
        return self._hurry

    def enter_loop(self) -> None:
        """Wait in the running loop from now on."""
        loop = asyncio.get_running_loop()
        self._stopped, self._hurry = loop.create_future(), loop.create_future()
        if self._requested:
            self.send()

    def send(self) -> None:
        """Ask for the end; called in the loop, or before there is one."""
        self._requested = True
        for future in (self._stopped, self._hurry if self.hurried else None):
            if future and not future.done():
                future.set_result(None)
