"""The part of AWS's Lambda API that callers use: GetFunction and Invoke, errors in AWS's shape."""

from __future__ import annotations

import base64
import json
import logging
import re
import uuid
from typing import Any

from aiohttp import web

from temporal_lambda.local import exhaustion
from temporal_lambda.local.event_queue import ThrottledError
from temporal_lambda.local.function import Function
from temporal_lambda.local.http_guard import local_clients_only
from temporal_lambda.local.payload import ASYNC_LIMIT, SYNC_LIMIT, check_json
from temporal_lambda.local.service import LambdaService

logger = logging.getLogger(__name__)

LOG_TAIL = 4096
"""Bytes of log returned for LogType=Tail (AWS quota)."""

RESTORE_ERRORS = {"SnapStartException": 400, "SnapStartTimeoutException": 408}
"""HTTP status of the errors that AWS answers with when a restore fails; they are the service's own,
and not the function's."""

_NAME = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>\d{12}):function:)?"
    r"(?P<name>[A-Za-z0-9-_]+)(?::(?P<qualifier>\$LATEST|[A-Za-z0-9-_]+))?"
)


class InvokeApi:
    """Serves the Invoke API of a Lambda service on 127.0.0.1.

    Args:
        service: The Lambda service to call.
        port: Port to listen on; 0 picks a free one.
    """

    def __init__(self, service: LambdaService, port: int = 0) -> None:
        self._service = service
        self._port = port
        self._runner: web.AppRunner | None = None
        self.endpoint = ""

    async def __aenter__(self) -> InvokeApi:
        app = web.Application(client_max_size=SYNC_LIMIT, middlewares=[_GUARD, _errors_as_aws])
        app.add_routes(
            [
                web.get("/2015-03-31/functions/{name}", self._get_function),
                web.post("/2015-03-31/functions/{name}/invocations", self._invoke),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.endpoint = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening; calls under way are cut off."""
        if self._runner:
            await self._runner.cleanup()

    def _find(self, request: web.Request) -> Function:
        text = request.match_info["name"]
        match = _NAME.fullmatch(text)
        if not match:
            raise AwsError(400, "ValidationException", f"{text!r} is not a function name or ARN")
        qualifier = match["qualifier"] or request.query.get("Qualifier")
        name = match["name"]
        function = self._service.find(f"{name}:{qualifier}" if qualifier else name)
        if (
            function is None
            or match["region"] not in (None, function.region)
            or match["account"] not in (None, function.account)
        ):
            arn = text if text.startswith("arn:") else _arn_of(match["name"], qualifier)
            raise AwsError(404, "ResourceNotFoundException", f"Function not found: {arn}")
        return function

    async def _get_function(self, request: web.Request) -> web.Response:
        function = self._find(request)
        return web.json_response(
            {
                "Configuration": {
                    "FunctionName": function.name,
                    "FunctionArn": function.qualified_arn,
                    "Handler": function.handler,
                    "Runtime": function.python,
                    "PackageType": "Zip",
                    "Timeout": int(function.timeout.total_seconds()),
                    "MemorySize": function.memory_mb,
                    "Version": function.version,
                    "State": "Active",
                    "LastUpdateStatus": "Successful",
                },
                "Concurrency": {"ReservedConcurrentExecutions": function.concurrency},
                "Tags": {},
            }
        )

    async def _invoke(self, request: web.Request) -> web.Response:
        function = self._find(request)
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind not in ("RequestResponse", "Event", "DryRun"):
            raise AwsError(
                400,
                "InvalidParameterValueException",
                f"invocationType must be RequestResponse, Event or DryRun; got {kind!r}",
            )
        if self._service.throttles():
            raise _throttled("CallerRateLimitExceeded")
        payload = await _read_payload(request, ASYNC_LIMIT if kind == "Event" else SYNC_LIMIT)
        text = request.match_info["name"]
        arn = text if text.startswith("arn:") else function.arn
        qualifier = request.query.get("Qualifier")
        if qualifier and arn == function.arn:
            arn = f"{arn}:{qualifier}"
        if kind == "DryRun":
            return web.Response(status=204, headers={"x-amzn-RequestId": str(uuid.uuid4())})
        if kind == "Event":
            trace_id = request.headers.get("X-Amzn-Trace-Id")
            try:
                request_id = self._service.enqueue(function, payload, arn=arn, trace_id=trace_id)
            except ThrottledError:
                raise _throttled("ConcurrentInvocationLimitExceeded") from None
            return web.Response(status=202, headers={"x-amzn-RequestId": request_id})
        return await self._respond(request, function, payload, arn)

    async def _respond(
        self, request: web.Request, function: Function, payload: bytes, arn: str
    ) -> web.Response:
        """Invoke synchronously, and make the response of what came back."""
        try:
            record, answer = await self._service.invoke(
                function,
                payload,
                arn=arn,
                trace_id=request.headers.get("X-Amzn-Trace-Id"),
                client_context=_client_context(request),
            )
        except ThrottledError:
            raise _throttled("ReservedFunctionConcurrentInvocationLimitExceeded") from None
        if record.status == "service_error":
            raise AwsError(500, "ServiceException", record.error or "the local Lambda failed")
        if record.status == "init_error" and record.restore_ms is not None:
            kind = answer.error_type or ""
            raise AwsError(RESTORE_ERRORS[kind], kind, record.error or "the restore failed")
        headers = {
            "x-amzn-RequestId": record.request_id,
            "X-Amz-Executed-Version": function.version,
        }
        if answer.error_type:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if request.headers.get("X-Amz-Log-Type") == "Tail":
            tail = "\n".join(record.log).encode()[-LOG_TAIL:]
            headers["X-Amz-Log-Result"] = base64.b64encode(tail).decode()
        return web.Response(body=answer.payload, content_type="application/json", headers=headers)


class AwsError(Exception):
    """An error as AWS's REST-JSON protocol carries it."""

    def __init__(self, status: int, code: str, message: str, **fields: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = fields

    def response(self) -> web.Response:
        """The HTTP response."""
        body = {"Type": "User", "Message": str(self), "message": str(self), **self.fields}
        headers = {"x-amzn-ErrorType": self.code, "x-amzn-RequestId": str(uuid.uuid4())}
        return web.json_response(body, status=self.status, headers=headers)


def _refused(reason: str) -> web.Response:
    return AwsError(403, "AccessDeniedException", reason).response()


_GUARD = local_clients_only(_refused)


def _throttled(reason: str) -> AwsError:
    return AwsError(429, "TooManyRequestsException", "Rate Exceeded.", Reason=reason)


@web.middleware
async def _errors_as_aws(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except AwsError as error:
        return error.response()
    except web.HTTPNotFound:
        return AwsError(404, "UnknownOperationException", f"no such API: {request.path}").response()
    except web.HTTPMethodNotAllowed:
        message = f"{request.method} is not supported here"
        return AwsError(405, "UnknownOperationException", message).response()
    except Exception as error:
        logger.exception("the local Lambda failed")
        message = f"the local Lambda failed: {exhaustion.describe(error)}"
        return AwsError(500, "ServiceException", message).response()
    return response


async def _read_payload(request: web.Request, limit: int) -> bytes:
    try:
        payload = await request.read()
    except web.HTTPRequestEntityTooLarge:
        payload = None
    if payload is None or len(payload) > limit:
        raise AwsError(
            413,
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        )
    try:
        check_json(payload)
    except ValueError as error:
        raise AwsError(
            400,
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        ) from None
    return payload


def _client_context(request: web.Request) -> str | None:
    header = request.headers.get("X-Amz-Client-Context")
    if not header:
        return None
    try:
        context = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError):
        context = None
    if not isinstance(context, dict):
        raise AwsError(
            400,
            "InvalidRequestContentException",
            "Client context must be a JSON object, base64-encoded",
        )
    # Compact, since it travels on in a header.
    return json.dumps(context)


def _arn_of(name: str, qualifier: str | None) -> str:
    suffix = f":{qualifier}" if qualifier else ""
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}{suffix}"
