"""The Runtime API: how a runtime process fetches invocations and answers them."""

from __future__ import annotations

import asyncio
import json
import socket
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from temporal_lambda.local.calls import Answer, Call
from temporal_lambda.local.http_guard import local_clients_only
from temporal_lambda.local.socket_owner import find_owner

MAX_RESPONSE = 6 * 1024 * 1024
"""Bytes of a response (AWS quota)."""


class RuntimeApi:
    """Serves the Runtime API to one runtime, and to no other client.

    A runtime is one process; on Managed Instances, those that it has started.

    Args:
        on_asking: Called with the id of a process each time it asks for an invocation and waits.
        on_snapshot: Called with it when its init is complete and it waits to be restored
            (SnapStart).
        processes: Returns the processes of a runtime, by the id of the one that was started.

    Attributes:
        init_error: The error of its init, if it reported one.
        restore_error: The error of a hook that ran after the restore, if it reported one.
    """

    def __init__(
        self,
        on_asking: Callable[[int], None],
        on_snapshot: Callable[[int], None] = lambda process_id: None,
        processes: Callable[[int], Sequence[int]] = lambda process_id: [process_id],
    ) -> None:
        self._on_asking = on_asking
        self._on_snapshot = on_snapshot
        self._processes = processes
        self._restored = asyncio.Event()
        self._next: asyncio.Queue[Call] = asyncio.Queue()
        self._runner: web.AppRunner | None = None
        self._process_id: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._clients: weakref.WeakKeyDictionary[asyncio.BaseTransport, int] = (
            weakref.WeakKeyDictionary()
        )
        self.init_error: Answer | None = None
        self.restore_error: Answer | None = None
        self._waiting: set[int] = set()
        self._running: dict[int, Call] = {}

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
        """Hand an invocation to a process that waits for one."""
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
        if transport not in self._clients:
            process_ids = self._processes(await asyncio.shield(self._process_id))
            ends = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            owner = find_owner(process_ids, *ends)
            if owner is None:
                return _forbidden("this is the Runtime API of another process")
            self._clients[transport] = owner
        return await handler(request)

    def _process_of(self, request: web.Request) -> int:
        """The process that sent a request which was let in; 0 once it has hung up."""
        transport = request.transport
        return self._clients.get(transport, 0) if transport else 0

    async def _give_next(self, request: web.Request) -> web.Response:
        process_id = self._process_of(request)
        if not process_id:
            return _forbidden("the client has closed the connection")
        running = self._running.get(process_id)
        if process_id in self._waiting or (running and not running.given_up):
            # As AWS answers; a second question would take an invocation away from the first.
            state = "running an invocation" if running else "waiting for an invocation"
            return _error(403, "InvalidStateTransition", f"the runtime is {state} already")
        self._running.pop(process_id, None)
        self._waiting.add(process_id)
        try:
            self._on_asking(process_id)
            while (call := await self._next.get()).given_up:
                pass
            self._running[process_id] = call
        finally:
            self._waiting.discard(process_id)
        call.process_id = process_id
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
        error = await _read_error(request)
        if self.init_error:
            # Of several processes that begin with the same code, the first one tells.
            return _error(403, "InvalidStateTransition", "an init error was reported already")
        self.init_error = error
        return _accepted()

    async def _give_restore(self, request: web.Request) -> web.Response:
        self._on_snapshot(self._process_of(request))
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
        self._running.pop(self._process_of(request)).answer = answer
        return response

    def _refuse_id(self, request: web.Request) -> web.Response | None:
        running = self._running.get(self._process_of(request))
        if running and running.request_id == request.match_info["id"] and not running.given_up:
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
