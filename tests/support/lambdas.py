"""Drives the local Lambda as a caller of AWS's would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from temporal_lambda.local import Function, InvocationRecord, LambdaService, LocalStack
from temporal_lambda.local.stack import Deployed
from tests.support.waiting import until

FUNCTIONS = Path(__file__).parent.parent / "functions"

Invoke = Callable[[Function], Awaitable[InvocationRecord]]

Deploy = Callable[[Function], Awaitable[Deployed]]


class MakeFunction(Protocol):
    """Makes a function of one of the tests' handlers, under a name of its own."""

    def __call__(
        self, handler: str, *, seconds: float = 10, env: Mapping[str, str] = {}, **options: Any
    ) -> Function: ...


def function(handler: str, **options: Any) -> Function:
    return Function(handler, f"plain.{handler}", FUNCTIONS, **options)


async def deploy_at_rest(stack: LocalStack, function: Function) -> Deployed:
    """Deploy a function, and wait until the invocation that bound its task queue is over.

    While that one closes, it refuses new work, and half a workflow would run in another.
    """
    deployed = await stack.deploy(function)
    await rest(stack, deployed)
    return deployed


async def rest(stack: LocalStack, deployed: Deployed) -> None:
    """Wait until no invocation of a function runs."""
    await until(lambda: not stack.service.busy(deployed.function.name))


async def call(client: Any, name: str, payload: Any = None, **options: Any) -> Any:
    """``client.invoke`` in a thread, with the payload read and decoded."""
    if payload is not None:
        options["Payload"] = json.dumps(payload).encode()
    response = await asyncio.to_thread(client.invoke, FunctionName=name, **options)
    body = response["Payload"].read()
    response["body"] = json.loads(body) if body else None
    return response


async def recorded(service: LambdaService, count: int) -> list[InvocationRecord]:
    await service.wait_for_record(lambda record: record.number == count, 20)
    return sorted(service.records, key=lambda record: record.number)


async def running_pid(service: LambdaService, name: str) -> int:
    """The process that runs an invocation right now."""
    await until(lambda: any(e.request_id for e in service.environments(name)))
    return next(e.pid for e in service.environments(name) if e.request_id)


def events(record: InvocationRecord) -> list[str]:
    """What a function told by ``common.event``."""
    return [line.removeprefix("EVENT ") for line in record.log if line.startswith("EVENT ")]


def server_option(stack: LocalStack, option: str) -> str:
    """The value of an option that a stack's Temporal server was started with."""
    port = stack.temporal_address.rpartition(":")[2]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if "start-dev" in arguments and arguments[arguments.index("--port") + 1] == port:
            return arguments[arguments.index(option) + 1]
    raise AssertionError(f"no server was started with port {port}")
