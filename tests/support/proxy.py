"""A TCP proxy of our own, to do to a connection what networks do to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


class Connection:
    """One connection through the proxy: the client's half and the server's."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.leads_nowhere = False
        self.half_closed = False


class Proxy:
    """Forwards bytes to a server on loopback, until told otherwise.

    Args:
        target: ``host:port`` of the server.
        tls: Speak TLS to clients; the server is spoken to in plain text.
        round_trip: Seconds that a request and its answer spend on the way. A new connection costs
            one more, which stands for TCP's own handshake.

    Attributes:
        accepted: How many connections there were.
        forwarded: How many bytes came, of both sides.
    """

    def __init__(
        self, target: str, *, tls: ssl.SSLContext | None = None, round_trip: float = 0.0
    ) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._tls = tls
        self._round_trip = round_trip
        self._server: asyncio.Server | None = None
        self._connections: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refuses = False
        self.accepted = 0
        self.forwarded = 0

    @property
    def address(self) -> str:
        """``host:port`` of the proxy."""
        assert self._server
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def swallow(self) -> None:
        """Let the connections there are stay open and lead nowhere; new ones work."""
        for connection in self._connections:
            connection.leads_nowhere = True

    def cut(self) -> None:
        """Reset the connections there are; new ones work."""
        for connection in self._connections:
            connection.client.transport.abort()
            connection.server.transport.abort()
        self._connections.clear()

    def half_close(self) -> None:
        """Say on the connections there are that the server will send no more."""
        for connection in self._connections:
            connection.half_closed = True
            connection.client.write_eof()

    def stall(self) -> None:
        """Hold back all bytes of all connections, also of new ones, until ``resume``."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let what was held back go its way."""
        self._flowing.set()

    def refuse(self) -> None:
        """Reset every new connection at once, until ``admit``."""
        self._refuses = True

    def admit(self) -> None:
        """Accept new connections again."""
        self._refuses = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refuses:
            writer.transport.abort()
            return
        try:
            server_reader, server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection(writer, server)
        self._connections.append(connection)
        self._spawn(self._forward(reader, server, connection, handshake=self._round_trip))
        self._spawn(self._forward(server_reader, writer, connection, handshake=0.0))

    def _spawn(self, forwarding: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(forwarding)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        connection: Connection,
        handshake: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        # Bytes on their way, with the time they arrive; those behind them need not wait for them.
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                arrives, data = await on_the_way.get()
                await asyncio.sleep(arrives - loop.time())
                await self._flowing.wait()
                if connection.leads_nowhere or (
                    connection.half_closed and sink is connection.client
                ):
                    continue
                if not data:
                    sink.close()
                    return
                sink.write(data)
                await sink.drain()

        delivering = asyncio.create_task(deliver())
        begun = loop.time()
        data = b"the first"
        try:
            while data:
                data = await source.read(65_536)
                self.forwarded += len(data)
                arrives = max(loop.time(), begun + handshake) + self._round_trip / 2
                on_the_way.put_nowait((arrives, data))
            await delivering
        except (ConnectionError, ssl.SSLError):
            sink.close()
        finally:
            delivering.cancel()


@asynccontextmanager
async def distant(
    target: str, round_trip: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Proxy]:
    """A server far away: TLS to it, and every handshake takes its time.

    Args:
        target: ``host:port`` of the server, which speaks plain text.
        round_trip: Seconds.
        tls: For the server's side of TLS; plain text if ``None``.

    Returns:
        The proxy that clients connect to, and that faults are injected in.
    """
    async with Proxy(target, tls=tls) as near, Proxy(near.address, round_trip=round_trip) as far:
        yield far
