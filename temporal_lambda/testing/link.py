"""The network between a function and the Temporal server, which a test can cut."""

from __future__ import annotations

import asyncio


class Link:
    """Forwards connections to a server, until it is cut.

    Args:
        target: ``host:port`` of the server.

    Attributes:
        address: ``host:port`` to connect to, once it has been opened.
    """

    def __init__(self, target: str) -> None:
        self.address = ""
        self._host, _, self._port = target.rpartition(":")
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._down = False

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening, and reset what is connected."""
        if self._server:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset all connections, and refuse new ones until ``restore``."""
        self._down = True
        for writer in self._writers:
            writer.transport.abort()

    def restore(self) -> None:
        """Let new connections pass."""
        self._down = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            writer.transport.abort()
            return
        try:
            beyond_reader, beyond = await asyncio.open_connection(self._host, int(self._port))
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, beyond}
        self._writers |= ends
        try:
            await asyncio.gather(_copy(reader, beyond), _copy(beyond_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.transport.abort()
