"""Drives the local Lambda as a caller of AWS's would."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from temporal_lambda.local import Function, InvocationRecord, LambdaService, LocalStack
from temporal_lambda.local.stack import Deployed

FUNCTIONS = Path(__file__).parent.parent / "functions"

PATIENCE = 40.0
"""Seconds until a test gives up."""


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
    await until(lambda: not stack.service.busy(deployed.function.name), PATIENCE)


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


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition."""

    async def ask() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(ask(), seconds)


def open_descriptors() -> int:
    """How many file descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


def alive(pid: int) -> bool:
    return process_state(pid) not in (None, "Z")


def process_state(pid: int) -> str | None:
    """The state letter of ``/proc/<pid>/stat``; ``None`` if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return None
    return stat.rpartition(")")[2].split()[0]
