"""Tells whoever looks on at this process what its invocation has done so far.

The report comes at the end. A local Lambda shows more than that, and names a Unix datagram socket
in a variable (``ONLOOKER``). In AWS there is no such variable, and this module is not imported.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from temporal_lambda.runtime.progress import Progress

INTERVAL = 0.25
"""Seconds between two looks at what has been done; only what has changed is told."""


@contextmanager
def looked_on_by(address: str, progress: Progress) -> Iterator[None]:
    """Tell of an invocation while the block runs, and once more at its end.

    It happens in a thread of its own, so that work which blocks the event loop is told of, too.
    Where there can be no more sockets or threads, nothing is told: the invocation is what matters.

    Args:
        address: The path of the socket.
        progress: The invocation's.
    """
    with ExitStack() as told_of:
        with suppress(OSError, RuntimeError):
            told_of.enter_context(_telling(address, progress))
        yield


@contextmanager
def _telling(address: str, progress: Progress) -> Iterator[None]:
    over = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # Who does not keep up with reading holds nobody up.
        channel.setblocking(False)
        teller = _Teller(channel, address, progress)
        thread = threading.Thread(
            target=teller.tell_until, args=(over,), name="temporal-lambda-onlooker", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            teller.tell()


class _Teller:
    def __init__(self, channel: socket.socket, address: str, progress: Progress) -> None:
        self._channel = channel
        self._address = address
        self._progress = progress
        self._told: Mapping[str, int] | None = None

    def tell_until(self, over: threading.Event) -> None:
        while not over.wait(INTERVAL):
            self.tell()

    def tell(self) -> None:
        tasks = self._progress.tasks_so_far()
        if tasks is None or tasks == self._told:
            return
        told = {"request_id": self._progress.report.request_id, "tasks": tasks}
        try:
            self._channel.sendto(json.dumps(told).encode(), self._address)
        except OSError:
            # Its buffer is full, or it is gone: the next look tells all again.
            return
        self._told = tasks
