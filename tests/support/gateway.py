"""A gateway before a Temporal server: asks for an API key, as Temporal Cloud does, and looks on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc
import grpc.aio

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class Gateway(grpc.GenericRpcHandler):
    """Forwards unary gRPC calls, bytes as they are, to a Temporal server on loopback.

    Args:
        target: ``host:port`` of the server.
        api_key: The key that callers must bring; ``None`` if all may pass.

    Attributes:
        address: ``host:port`` of the gateway.
        successor: Another key that is valid, too; ``None`` if there is none.
        admitted: How many calls brought the key, or the successor's.
        admitted_by: How many calls brought each.
        refused: How many did not.
        on_call: Is told the name of each call before it is forwarded.
        refuses_health_checks: Whether it answers those by a refusal, since they name no namespace.
    """

    def __init__(self, target: str, api_key: str | None) -> None:
        self._failure: grpc.StatusCode | None = None
        self._target = target
        self.api_key = api_key
        self.successor: str | None = None
        self.address = ""
        self.admitted = 0
        self.admitted_by: Counter[str] = Counter()
        self.refused = 0
        self.refuses_health_checks = False
        self.on_call: Callable[[str], Awaitable[None]] | None = None
        self._server = grpc.aio.server()
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Gateway:
        self._channel = grpc.aio.insecure_channel(self._target)
        self._server.add_generic_rpc_handlers([self])
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(None)
        assert self._channel
        await self._channel.close()

    def fail(self, status: grpc.StatusCode) -> None:
        """Answer all calls with an error, until ``recover``."""
        self._failure = status

    def recover(self) -> None:
        """Forward calls again."""
        self._failure = None

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """See base class."""
        method = call.method
        credential = str(dict(call.invocation_metadata).get("authorization"))
        key = credential.removeprefix("Bearer ")

        async def forward(request: bytes, context: Context) -> bytes:
            if self.api_key is not None and key not in (self.api_key, self.successor):
                self.refused += 1
                # Worse than any real server: it shows what it was given.
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not known: {credential}")
            if self.refuses_health_checks and method.startswith("/grpc.health."):
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "Request unauthorized")
            if self._failure:
                await context.abort(self._failure, "out of order for a while")
            self.admitted += 1
            self.admitted_by[key] += 1
            if self.on_call:
                await self.on_call(method.rpartition("/")[2])
            assert self._channel
            forwarded: Any = self._channel.unary_unary(method)
            try:
                answer: bytes = await forwarded(request, timeout=context.time_remaining())
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "")
            return answer

        return grpc.unary_unary_rpc_method_handler(forward)
