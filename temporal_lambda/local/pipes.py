"""What a child process says, read without blocking."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

OnLine = Callable[[str], None]

HEADER = 16
"""Bytes before the message of a telemetry frame: type 4, length 4, timestamp 8, big-endian."""


class Pipe:
    """A pipe whose other end is given to a child process.

    Args:
        feed: Receives what was read; nothing more, and ``b""``, once the child has closed its end.
    """

    def __init__(self, feed: Callable[[bytes], None]) -> None:
        self._feed = feed
        self._read, self.end = os.pipe()
        os.set_blocking(self._read, False)
        asyncio.get_running_loop().add_reader(self._read, self.drain)

    def close_end(self) -> None:
        """Close our copy of the child's end, once the child has been started."""
        os.close(self.end)

    def drain(self) -> None:
        """Read all that has been written so far."""
        while self._read >= 0:
            try:
                chunk = os.read(self._read, 65_536)
            except BlockingIOError:
                return
            self._feed(chunk)
            if not chunk:
                self._close()

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
    """Cuts a stream into lines."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = b""

    def __call__(self, chunk: bytes) -> None:
        """Take what was read; ``b""`` ends an unfinished line."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk and self._rest:
            lines, self._rest = [self._rest], b""
        for line in lines:
            self._on_line(line.decode(errors="replace"))


class Frames:
    """Cuts a stream of telemetry frames, as the runtime client logs by, into lines."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = b""

    def __call__(self, chunk: bytes) -> None:
        """Take what was read."""
        self._rest += chunk
        while len(self._rest) >= HEADER:
            end = HEADER + int.from_bytes(self._rest[4:8], "big")
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[HEADER:end], self._rest[end:]
            for line in message.decode(errors="replace").rstrip("\n").split("\n"):
                self._on_line(line)
