"""SIGTERM while an invocation runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_sigterm(callback: Callable[[], None]) -> Iterator[None]:
    """Call back on SIGTERM within the block; whoever handled it before gets it afterwards.

    Python allows handlers on the main thread alone; on any other thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[tuple[int, FrameType | None]] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append((number, frame))
        callback()

    previous = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous or signal.SIG_DFL)
    if received and callable(previous):
        previous(*received[0])
