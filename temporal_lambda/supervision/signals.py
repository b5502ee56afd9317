"""SIGTERM and Ctrl-C while an invocation runs."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from temporal_lambda.process import is_lambda


@contextmanager
def on_sigterm(callback: Callable[[], None]) -> Iterator[None]:
    """Call back on SIGTERM within the block; what was to happen to it before happens afterwards.

    So the process ends after the block where nobody handles the signal, except in Lambda, which
    ends it anyway. Python allows handlers on the main thread alone, and can't put back one that was
    not set by Python; in both cases this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is None:
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
        signal.signal(signal.SIGTERM, previous)
    if received and callable(previous):
        previous(*received[0])
    elif received and previous == signal.SIG_DFL and not is_lambda():
        sys.stdout.flush()
        sys.stderr.flush()
        signal.raise_signal(signal.SIGTERM)


@contextmanager
def on_ctrl_c(callback: Callable[[], None]) -> Iterator[None]:
    """Call back on Ctrl-C within the block, where ``KeyboardInterrupt`` would come at any line.

    Somebody else's handler of SIGINT stays. Python allows handlers on the main thread alone; on any
    other one this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: callback())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
