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

MAGIC = b"\xa5\x5a"
"""The first bytes of a frame's type (``FramedTelemetryLogSink`` of awslambdaric)."""

LINE_LIMIT = 256 * 1024
"""Bytes of a line that are kept; a log event of CloudWatch used to hold no more (AWS quota)."""


class Reader:
    """Reads what a process writes to a pipe or a socket.

    Args:
        descriptor: Our end; it is closed here.
        feed: Receives each chunk, and ``b""`` once the other end is closed.

    Raises:
        OSError: It can't be watched.
    """

    def __init__(self, descriptor: int, feed: Callable[[bytes], None]) -> None:
        self._feed = feed
        self._read = descriptor
        try:
            os.set_blocking(self._read, False)
            asyncio.get_running_loop().add_reader(self._read, self._read_once)
        except OSError:
            os.close(self._read)
            raise

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


class Pipe(Reader):
    """A pipe whose other end is given to a child process.

    Args:
        feed: Receives each chunk, and ``b""`` once the child has closed its end.
    """

    def __init__(self, feed: Callable[[bytes], None]) -> None:
        read, self.end = os.pipe()
        try:
            super().__init__(read, feed)
        except OSError:
            os.close(self.end)
            raise

    def close_end(self) -> None:
        """Close our copy of the child's end, once the child has been started."""
        os.close(self.end)


class Lines:
    """Splits a stream into lines, in time proportional to its length.

    Args:
        on_line: Called with each line, without its end; of a longer one, with the first
            ``LINE_LIMIT`` bytes.
    """

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = bytearray()

    def __call__(self, chunk: bytes) -> None:
        """Process what was read; ``b""`` ends an unfinished line."""
        first, *others = chunk.split(b"\n")
        self._extend(first)
        for line in others:
            self._end_line()
            self._extend(line)
        if not chunk:
            self.flush()

    def flush(self) -> None:
        """End an unfinished line here."""
        if self._rest:
            self._end_line()

    def _extend(self, part: bytes) -> None:
        self._rest += part[: LINE_LIMIT - len(self._rest)]

    def _end_line(self) -> None:
        line = self._rest.decode(errors="replace")
        self._rest.clear()
        self._on_line(line)


class Frames:
    """Splits a stream of telemetry frames, in which the runtime client logs, into lines.

    A function that writes to this descriptor itself breaks the frames: what it writes, and
    what follows in this process, is split into lines unchanged.

    Args:
        on_line: Called with each line, as ``Lines`` does.
    """

    def __init__(self, on_line: OnLine) -> None:
        self._lines = Lines(on_line)
        self._header = bytearray()
        self._message_left = 0
        self._broken = False

    def __call__(self, chunk: bytes) -> None:
        """Process what was read; ``b""`` ends an unfinished frame."""
        view = memoryview(chunk)
        while len(view) and not self._broken:
            if self._message_left:
                part = view[: self._message_left]
                self._message_left -= len(part)
                self._feed(bytes(part))
            else:
                part = view[: HEADER - len(self._header)]
                self._header += part
                if len(self._header) == HEADER:
                    self._begin_message()
            view = view[len(part) :]
        if self._broken or not chunk:
            self._lines(bytes(view))

    def _begin_message(self) -> None:
        if self._header.startswith(MAGIC):
            self._message_left = int.from_bytes(self._header[4:8], "big")
        else:
            self._broken = True
            self._lines(bytes(self._header))
        self._header.clear()

    def _feed(self, part: bytes) -> None:
        if not self._message_left and part.endswith(b"\n"):
            part = part[:-1]
        if part:
            self._lines(part)
        if not self._message_left:
            self._lines.flush()
