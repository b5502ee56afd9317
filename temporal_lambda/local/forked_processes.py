"""The processes that a runtime forks on Managed Instances: what each prints, and when it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable

from temporal_lambda.local.pipes import Lines, Reader

BACKLOG = 1024
"""Connections that may wait to be accepted: two for each process."""


class ForkedProcesses:
    """A Unix socket to which each process connects its output before it does anything else.

    ``awslambdaric`` connects standard output and standard error to it, in each process that it
    forks (``_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET``).

    Args:
        on_line: Called with a process id and a line that the process printed.
        on_end: Called with the id of a process that has ended.

    Attributes:
        path: Where it listens.
        ended: How many processes have ended.

    Raises:
        OSError: The system lacks a resource.
    """

    def __init__(self, on_line: Callable[[int, str], None], on_end: Callable[[int], None]) -> None:
        self.ended = 0
        self._on_line = on_line
        self._on_end = on_end
        self._outputs: dict[int, list[tuple[Reader, Lines]]] = {}
        self._watched: dict[int, int] = {}
        self._folder = tempfile.mkdtemp(prefix="temporal-lambda-")
        self.path = os.path.join(self._folder, "output")
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(self.path)
            self._listener.listen(BACKLOG)
            self._listener.setblocking(False)
            asyncio.get_running_loop().add_reader(self._listener, self._accept)
        except OSError:
            self._listener.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def drain(self, process_id: int) -> None:
        """Read what a process has printed so far, to the end of an unfinished line."""
        self._accept()
        for reader, lines in self._outputs.get(process_id, []):
            reader.drain()
            lines.flush()

    def close(self) -> None:
        """Read what is left, and stop listening."""
        self._accept()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        self._listener.close()
        for outputs in self._outputs.values():
            for reader, _ in outputs:
                reader.close()
        for descriptor in self._watched.values():
            loop.remove_reader(descriptor)
            os.close(descriptor)
        self._watched.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            process_id = _other_end(connection)
            lines = Lines(lambda line, who=process_id: self._on_line(who, line))  # type: ignore[misc]
            output = Reader(connection.detach(), lines), lines
            self._outputs.setdefault(process_id, []).append(output)
            if process_id not in self._watched:
                self._watch(process_id)

    def _watch(self, process_id: int) -> None:
        try:
            descriptor = os.pidfd_open(process_id)
        except ProcessLookupError:
            self._end(process_id)
            return
        self._watched[process_id] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._end, process_id)

    def _end(self, process_id: int) -> None:
        if (descriptor := self._watched.pop(process_id, None)) is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        self.ended += 1
        self.drain(process_id)
        self._on_end(process_id)


def _other_end(connection: socket.socket) -> int:
    """The process that has connected (``SO_PEERCRED`` in Linux's ``unix(7)``)."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    process_id, _, _ = struct.unpack("3i", credentials)
    return int(process_id)
