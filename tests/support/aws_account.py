"""An AWS account on this machine: moto, and before it what moto gets wrong or can't do.

Invocations go to the local Lambda, which runs the code that was uploaded. AssumeRole asks for the
external id. Event delivery is kept by version. A function can be slow to become ready. Writes are
counted.
"""

from __future__ import annotations

import io
import json
import logging
import re
import time
import uuid
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import boto3
from aiohttp import web
from moto.awslambda.models import lambda_backends
from moto.server import ThreadedMotoServer

from temporal_lambda.local import Function, InvocationRecord, LambdaService
from temporal_lambda.local.temporal_server import TemporalServer
from tests.support.gateway import Gateway

ACCOUNT, REGION = "123456789012", "us-east-1"
EXTERNAL_ID = "external-id-of-the-tests"
INVOKE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/invoke"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
}
REQUIRE_ROLE = "workercontroller.compute_providers.aws.require_role_and_external_id"
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/(\w+)/aws4_request")
FUNCTION = re.compile(r"/functions/(?:arn:aws:lambda:[^:]+:\d+:function:)?([\w-]+)(?::([\w$]+))?")

READS = ("Check", "Describe", "Get", "List")
"""How calls begin that change nothing."""

DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/invoke/temporal is not authorized to perform: "
    "lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:{}"
)


class Account:
    """The account, and the Temporal server whose controller invokes its functions.

    Attributes:
        endpoint: Of all its services.
        temporal: The Temporal server.
        service: Runs the functions.
        writes: Calls to AWS that changed something.
        temporal_writes: Calls of commands to the Temporal server that changed something.
        before: Runs before the next such call of that name, once.
        refuse_invocations: ``denied`` or ``throttled``, or ``None``.
        refuse_path: End of the paths that are denied, or ``None``.
        slow_answers: How many looks at a function find it not ready yet.
    """

    temporal: TemporalServer
    _gateway: Gateway

    def __init__(self, directory: Path) -> None:
        self.endpoint = ""
        self.service = LambdaService()
        self.service.on_record = self._log
        self.writes: list[str] = []
        self.temporal_writes: list[str] = []
        self.before: dict[str, Callable[[], Awaitable[object]]] = {}
        self.refuse_invocations: str | None = None
        self.refuse_path: str | None = None
        self.slow_answers = 0
        self._directory = directory
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto_url = ""
        self._deliveries: dict[tuple[str, str], dict[str, Any]] = {}
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Account]:
        """Start everything, and stop it again."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._moto_url = f"http://{host}:{port}"
        app = web.Application(client_max_size=1 << 27)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.endpoint = "http://{}:{}".format(*runner.addresses[0][:2])
        try:
            async with aiohttp.ClientSession() as self._session, self.service:
                self.temporal = TemporalServer(
                    self.service.guardian,
                    self.endpoint,
                    dynamic_config={
                        REQUIRE_ROLE: "true",
                        # Three minutes each, by default, and five.
                        "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"1s"',
                        "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
                        "matching.PollerHistoryTTL": '"1s"',
                    },
                    environment={"AWS_ENDPOINT_URL_STS": self.endpoint},
                )
                async with (
                    self.temporal,
                    Gateway(self.temporal.address, None) as self._gateway,
                ):
                    self._gateway.on_call = self._count
                    yield self
        finally:
            await runner.cleanup()
            self._moto.stop()

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a command that works with this account."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "TEMPORAL_ADDRESS": self._gateway.address,
        }

    def client(self, service: str) -> Any:
        """A client that asks moto alone, and so may be used in the tests' own loop."""
        return boto3.client(
            service,
            endpoint_url=self._moto_url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def create_role(self, name: str) -> str:
        """A role that Lambda may assume."""
        found = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        return str(found["Role"]["Arn"])

    def delivery(self, function: str, version: str) -> dict[str, Any] | None:
        """How events are delivered to a version of a function."""
        return self._deliveries.get((function, version))

    async def _count(self, call: str) -> None:
        if not call.startswith(READS):
            self.temporal_writes.append(call)
            if action := self.before.pop(call, None):
                await action()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        scope = SCOPE.search(request.headers.get("Authorization", ""))
        service = scope[1] if scope else ""
        body = await request.read()
        if service == "sts":
            return await self._assume_role(request)
        path = unquote(request.path)
        function = FUNCTION.search(path)
        if service == "lambda" and function:
            name = function[1]
            qualifier = function[2] or request.query.get("Qualifier") or "$LATEST"
            if path.endswith("/invocations"):
                return self._invoke(name, qualifier)
            if request.method not in ("GET", "HEAD"):
                if self.refuse_path and path.endswith(self.refuse_path):
                    return _error(403, "AccessDeniedException", "User is not authorized")
                self.writes.append(f"{request.method} {path}")
            if path.endswith("/event-invoke-config"):
                return self._delivery(request.method, name, qualifier, body)
        elif request.method not in ("GET", "HEAD"):
            self.writes.append(f"{request.method} {service} {path}")
        response = await self._forward(request, body)
        return self._slow_down(request, response) if function else response

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        assert self._session
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length")
        }
        # As bytes, aiohttp warns of a zip of a real size.
        data = io.BytesIO(body) if body else None
        async with self._session.request(
            request.method, self._moto_url + str(request.rel_url), data=data, headers=headers
        ) as answer:
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                headers={
                    name: value
                    for name, value in answer.headers.items()
                    if name.lower() in ("content-type", "x-amzn-errortype")
                },
            )

    def _slow_down(self, request: web.Request, response: web.Response) -> web.Response:
        """moto's functions are ready at once; AWS's are not."""
        if request.method != "GET" or not self.slow_answers or response.status != 200:
            return response
        assert isinstance(response.body, bytes)
        answer = json.loads(response.body)
        configuration = answer.get("Configuration", answer)
        if "State" not in configuration:
            return response
        self.slow_answers -= 1
        configuration.update(State="Pending", LastUpdateStatus="InProgress")
        return web.json_response(answer)

    async def _assume_role(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("RoleArn") != INVOKE_ROLE or form.get("ExternalId") != EXTERNAL_ID:
            return web.Response(status=403, content_type="text/xml", text=NOT_TRUSTED)
        return web.Response(content_type="text/xml", text=ASSUMED)

    def _delivery(self, method: str, name: str, qualifier: str, body: bytes) -> web.Response:
        key = name, qualifier
        if method == "GET":
            if key not in self._deliveries:
                return _error(404, "ResourceNotFoundException", "there is no such configuration")
        else:
            self._deliveries[key] = json.loads(body)
        return web.json_response(self._deliveries[key])

    def _invoke(self, name: str, qualifier: str) -> web.Response:
        if self.refuse_invocations == "denied":
            return _error(403, "AccessDeniedException", DENIED.format(f"{name}:{qualifier}"))
        if self.refuse_invocations == "throttled":
            return _error(429, "TooManyRequestsException", "Rate Exceeded.")
        found = self.service.find(f"{name}:{qualifier}") or self._install(name, qualifier)
        self.service.enqueue(found, b"", arn=found.qualified_arn, trace_id=None)
        return web.Response(status=202, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    def _install(self, name: str, qualifier: str) -> Function:
        """Unpack what was uploaded, and let the local Lambda run it."""
        stored = lambda_backends[ACCOUNT][REGION].get_function(name, qualifier)
        code = self._directory / f"{name}-{qualifier}-{uuid.uuid4().hex[:6]}"
        with zipfile.ZipFile(io.BytesIO(stored.code_bytes)) as archive:
            archive.extractall(code)
        function = Function(
            name,
            str(stored.handler),
            code,
            timeout=timedelta(seconds=int(stored.timeout)),
            version=qualifier,
            environment=stored.environment_vars,
            retries=0,
        )
        self.service.add(function)
        return function

    def _log(self, record: InvocationRecord) -> None:
        logs = self.client("logs")
        group = f"/aws/lambda/{record.function}"
        stream = f"2026/01/01/[{record.version}]{record.request_id}"
        try:
            logs.create_log_group(logGroupName=group)
        except logs.exceptions.ResourceAlreadyExistsException:
            pass
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in record.log if line]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _error(status: int, code: str, message: str) -> web.Response:
    headers = {"x-amzn-ErrorType": code}
    return web.json_response({"Message": message}, status=status, headers=headers)


NOT_TRUSTED = """
<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message>
</Error><RequestId>1</RequestId></ErrorResponse>"""

ASSUMED = """
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>local</AccessKeyId><SecretAccessKey>local</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2040-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>
<Arn>arn:aws:sts::123456789012:assumed-role/invoke/temporal</Arn><AssumedRoleId>A:t</AssumedRoleId>
</AssumedRoleUser></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</AssumeRoleResponse>"""
