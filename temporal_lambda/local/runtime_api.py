"""The Runtime API: how a runtime process fetches invocations and answers them."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from temporal_lambda.local.http_guard import local_clients_only
from temporal_lambda.local.socket_owner import may_be_owner

MAX_RESPONSE = 6 * 1024 * 1024
"""Bytes of a response (AWS quota)."""


@dataclass(eq=False)
class Call:
    """One invocation to be handed to a runtime process.

    Attributes:
        request_id: Lambda's request id.
        arn: The ARN it was invoked by.
        payload: JSON, as bytes.
        deadline_ms: When it ends, in milliseconds since the epoch.
        trace_id: The X-Ray header.
        client_context: JSON, if the caller sent one.
    """

    request_id: str
    arn: str
    payload: bytes = field(repr=False)
    deadline_ms: int = 0
    trace_id: str = ""
    client_context: str | None = None


@dataclass(frozen=True)
class Answer:
    """The response of a runtime process, or the service's own error in its place.

    Attributes:
        payload: JSON, as bytes.
        error_type: Set if it is an error.
    """

    payload: bytes = field(repr=False)
    error_type: str | None = None

    @classmethod
    def failure(cls, request_id: str, error_type: str, message: str) -> Answer:
        """An error the service itself reports."""
        text = f"RequestId: {request_id} Error: {message}"
        return cls(json.dumps({"errorType": error_type, "errorMessage": text}).encode(), error_type)

    def describe(self) -> str:
        """``errorType: errorMessage`` of an error."""
        try:
            body = json.loads(self.payload)
            return f"{body['errorType']}: {body['errorMessage']}"
        except (ValueError, KeyError, TypeError, RecursionError):
            return self.error_type or "no error"


class RuntimeApi:
    """Serves the Runtime API to one runtime process, and to no other client.

    Args:
        on_asking: Called each time the process asks for an invocation and waits.
        on_snapshot: Called when its init is complete and it waits to be restored (SnapStart).

    Attributes:
        init_error: The error of its init, if it reported one.
        restore_error: The error of a hook that ran after the restore, if it reported one.
        answer: What it answered to the invocation given last.
    """

    def __init__(
        self,
        on_asking: Callable[[], None],
        on_snapshot: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_asking = on_asking
        self._on_snapshot = on_snapshot
        self._restored = asyncio.Event()
        self._next: asyncio.Queue[Call] = asyncio.Queue()
        self._runner: web.AppRunner | None = None
        self._process_id: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._trusted: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self.init_error: Answer | None = None
        self.restore_error: Answer | None = None
        self.answer: Answer | None = None
        self._waiting = False
        self._running: Call | None = None

    async def start(self) -> str:
        """Listen on a free port of 127.0.0.1.

        Returns:
            ``host:port``.
        """
        app = web.Application(
            client_max_size=MAX_RESPONSE + 1024,
            middlewares=[local_clients_only(_forbidden), self._admit],
        )
        app.add_routes(
            [
                web.get("/2018-06-01/runtime/invocation/next", self._give_next),
                web.post("/2018-06-01/runtime/invocation/{id}/response", self._take_response),
                web.post("/2018-06-01/runtime/invocation/{id}/error", self._take_error),
                web.post("/2018-06-01/runtime/init/error", self._take_init_error),
                web.get("/2018-06-01/runtime/restore/next", self._give_restore),
                web.post("/2018-06-01/runtime/restore/error", self._take_restore_error),
            ]
        )
        self._runner = web.AppRunner(
            # When a process is killed, its pending request is cancelled with it.
            app,
            access_log=None,
            shutdown_timeout=0.01,
            handler_cancellation=True,
        )
        await self._runner.setup()
        # Not by asyncio, which takes a lack of descriptors for an address that can't be had.
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, listener).start()
        host, port = listener.getsockname()
        return f"{host}:{port}"

    def serve(self, process_id: int) -> None:
        """Name the process that is served; requests that come earlier wait for this.

        Args:
            process_id: The runtime process.
        """
        self._process_id.set_result(process_id)

    async def stop(self) -> None:
        """Stop listening; concurrent and repeated calls do no harm."""
        self._process_id.cancel()
        runner, self._runner = self._runner, None
        if runner:
            await runner.cleanup()

    def give(self, call: Call) -> None:
        """Hand an invocation to the process, which waits for one."""
        self.answer = None
        self._next.put_nowait(call)

    def restore(self) -> None:
        """Let the process go on from its snapshot."""
        self._restored.set()

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse requests of processes other than the runtime, where the system shows it."""
        transport = request.transport
        if transport is None:
            return _forbidden("the client has closed the connection")
        if transport not in self._trusted:
            process_id = await asyncio.shield(self._process_id)
            ends = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            if not may_be_owner(process_id, *ends):
                return _forbidden("this is the Runtime API of another process")
            self._trusted.add(transport)
        return await handler(request)

    async def _give_next(self, request: web.Request) -> web.Response:
        if self._waiting or self._running:
            # As AWS answers; a second question would take an invocation away from the first.
            state = "waiting for an invocation" if self._waiting else "running an invocation"
            return _error(403, "InvalidStateTransition", f"the runtime is {state} already")
        self._waiting = True
        try:
            self._on_asking()
            self._running = call = await self._next.get()
        finally:
            self._waiting = False
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call.request_id,
            "Lambda-Runtime-Deadline-Ms": str(call.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": call.arn,
            "Lambda-Runtime-Trace-Id": call.trace_id,
        }
        if call.client_context:
            headers["Lambda-Runtime-Client-Context"] = call.client_context
        return web.Response(body=call.payload, content_type="application/json", headers=headers)

    async def _take_response(self, request: web.Request) -> web.Response:
        if refusal := self._refuse_id(request):
            return refusal
        try:
            answer, response = Answer(await request.read()), _accepted()
        except web.HTTPRequestEntityTooLarge:
            message = f"Response payload exceeds the maximum of {MAX_RESPONSE} bytes."
            request_id = request.match_info["id"]
            answer = Answer.failure(request_id, "Function.ResponseSizeTooLarge", message)
            response = _error(413, "RequestEntityTooLarge", message)
        return self._answered(request, answer, response)

    async def _take_error(self, request: web.Request) -> web.Response:
        if refusal := self._refuse_id(request):
            return refusal
        return self._answered(request, await _read_error(request), _accepted())

    async def _take_init_error(self, request: web.Request) -> web.Response:
        self.init_error = await _read_error(request)
        return _accepted()

    async def _give_restore(self, request: web.Request) -> web.Response:
        self._on_snapshot()
        await self._restored.wait()
        return web.Response()

    async def _take_restore_error(self, request: web.Request) -> web.Response:
        self.restore_error = await _read_error(request)
        return _accepted()

    def _answered(
        self, request: web.Request, answer: Answer, response: web.Response
    ) -> web.Response:
        """Keep the first answer; while this one was read, another may have come."""
        if refusal := self._refuse_id(request):
            return refusal
        self.answer, self._running = answer, None
        return response

    def _refuse_id(self, request: web.Request) -> web.Response | None:
        if self._running and request.match_info["id"] == self._running.request_id:
            return None
        return _error(400, "InvalidRequestID", "Invalid request ID")


async def _read_error(request: web.Request) -> Answer:
    body = await request.read()
    try:
        error_type: Any = json.loads(body)["errorType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        error_type = request.headers.get("Lambda-Runtime-Function-Error-Type")
    return Answer(body, str(error_type or "Unknown"))


def _accepted() -> web.Response:
    return web.json_response({"status": "OK"}, status=202)


def _forbidden(reason: str) -> web.Response:
    return _error(403, "Forbidden", reason)


def _error(status: int, error_type: str, message: str) -> web.Response:
    return web.json_response({"errorType": error_type, "errorMessage": message}, status=status)


def new_trace_id(now: float) -> str:
    """A new X-Ray header, for a call that came without one."""
    return f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
