"""Reads the output of child processes without blocking."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

OnLine = Callable[[str], None]

CHUNK = 65_536
"""Bytes read at once; what a pipe holds on Linux."""

DRAINED = 16 * CHUNK
"""Bytes after which draining a pipe stops even if it is not empty yet."""

HEADER = 16
"""Bytes before the message of a telemetry frame: type 4, length 4, timestamp 8, big-endian."""


class Pipe:
    """A pipe whose other end is given to a child process.

    Args:
        feed: Receives each chunk, and ``b""`` once the child has closed its end.
    """

    def __init__(self, feed: Callable[[bytes], None]) -> None:
        self._feed = feed
        self._read, self.end = os.pipe()
        os.set_blocking(self._read, False)
        asyncio.get_running_loop().add_reader(self._read, self._read_once)

    def close_end(self) -> None:
        """Close our copy of the child's end, once the child has been started."""
        os.close(self.end)

    def drain(self) -> None:
        """Read what has been written so far, up to ``DRAINED`` bytes."""
        for _ in range(DRAINED // CHUNK):
            if not self._read_once():
                return

    def _read_once(self) -> bool:
        """Read at most one chunk, so that a child that never pauses can't block the event loop."""
        try:
            chunk = os.read(self._read, CHUNK) if self._read >= 0 else None
        except BlockingIOError:
            chunk = None
        if chunk is None:
            return False
        self._feed(chunk)
        if not chunk:
            self._close()
        return bool(chunk)

    def close(self) -> None:
        """Read what is left, and close."""
        self.drain()
        if self._read >= 0:
            self._feed(b"")
            self._close()

    def _close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read)
        os.close(self._read)
        self._read = -1


class Lines:
    """Splits a stream into lines."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = b""

    def __call__(self, chunk: bytes) -> None:
        """Add a chunk; ``b""`` ends an unfinished line."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace"))
        if not chunk:
            self.flush()

    def flush(self) -> None:
        """End an unfinished line here."""
        if self._rest:
            line, self._rest = self._rest, b""
            self._on_line(line.decode(errors="replace"))


class Frames:
    """Splits a stream of telemetry frames, in which the runtime client logs, into lines."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = b""

    def __call__(self, chunk: bytes) -> None:
        """Add a chunk."""
        self._rest += chunk
        while len(self._rest) >= HEADER:
            end = HEADER + int.from_bytes(self._rest[4:8], "big")
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[HEADER:end], self._rest[end:]
            for line in message.decode(errors="replace").rstrip("\n").split("\n"):
                self._on_line(line)
