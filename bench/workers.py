"""The two workers as Lambda functions, alike in all but the module they are made with."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Literal

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from temporal_lambda.local.stack import Deployed

Worker = Literal["ours", "contrib"]
AT_ONCE = 4
"""How many functions are deployed at once; more would slow each other down."""

WORKERS: tuple[Worker, Worker] = ("ours", "contrib")

FUNCTIONS = Path(__file__).parent / "functions"

CALM_SECONDS = 0.5
"""How long no invocation may run before a function counts as idle: the worker controller invokes
80 to 140 ms after a task found no poller."""


def function(
    worker: Worker,
    *,
    timeout: float,
    idle: float | Literal["auto"] | None = None,
    shutdown: tuple[float, float] | None = None,
    concurrency: int = 10,
    suffix: str = "",
    workflow: str = "OneActivity",
    environment: dict[str, str] | None = None,
) -> Function:
    """A worker's function, not created yet.

    Args:
        worker: Which module it is made with.
        timeout: The function's timeout, seconds.
        idle: Our ``idle_timeout``, seconds or ``auto``; contrib has none.
        shutdown: ``graceful_shutdown_timeout`` and ``shutdown_deadline_buffer``, seconds; both
            modules' own defaults (5 and 7) if ``None``.
        concurrency: How many invocations may run at once.
        suffix: Makes the name unique where a stack has several of a worker.
        workflow: The kind of workflows that is registered.
        environment: Further variables.
    """
    name = worker + suffix
    variables = {
        "WORKER": worker,
        "DEPLOYMENT": name,
        "TEMPORAL_TASK_QUEUE": name,
        "WORKFLOW": workflow,
    }
    if idle is not None and worker == "ours":
        variables["TEMPORAL_LAMBDA_IDLE_TIMEOUT"] = idle if idle == "auto" else f"{idle}s"
    if shutdown:
        variables["GRACEFUL_SECONDS"], variables["BUFFER_SECONDS"] = map(str, shutdown)
    return Function(
        name,
        "handler.lambda_handler",
        FUNCTIONS,
        timeout=timedelta(seconds=timeout),
        concurrency=concurrency,
        environment={**variables, **(environment or {})},
        # A killed invocation is a result here, not something to do again.
        retries=0,
    )


def version(function: Function) -> WorkerDeploymentVersion:
    """The worker deployment version ``functions/handler.py`` gives a function."""
    return WorkerDeploymentVersion(function.environment["DEPLOYMENT"], "1")


async def deploy(stack: LocalStack, function: Function) -> Deployed:
    """Deploy a function, and wait until the invocation that bound its task queue is over."""
    deployed = await stack.deploy(function, version(function))
    await until_idle(stack, function.name)
    return deployed


async def deploy_all(stack: LocalStack, *functions: Function) -> list[Deployed]:
    """Deploy several functions, some at once."""
    deployed: list[Deployed] = []
    for first in range(0, len(functions), AT_ONCE):
        group = functions[first : first + AT_ONCE]
        deployed += await asyncio.gather(*(deploy(stack, function) for function in group))
    return deployed


async def until_idle(stack: LocalStack, name: str) -> None:
    """Wait until no invocation of a function runs, and none is about to."""
    calm_since = time.monotonic()
    while time.monotonic() - calm_since < CALM_SECONDS:
        if stack.service.busy(name):
            calm_since = time.monotonic()
        await asyncio.sleep(0.02)


def records(stack: LocalStack, name: str, *, after: int = 0) -> list[InvocationRecord]:
    """The finished invocations of a function, oldest first, from a number on."""
    found = [r for r in stack.service.records if r.function == name and r.number > after]
    return sorted(found, key=lambda record: record.number)


async def next_record(
    stack: LocalStack, name: str, *, after: int, timeout: float
) -> InvocationRecord:
    """The next invocation of a function that ends, beyond a number; waits at most ``timeout`` s."""
    return await stack.service.wait_for_record(
        lambda record: record.function == name and record.number > after, timeout
    )


def billed_seconds(invocations: list[InvocationRecord]) -> float:
    """What AWS would bill for them, in seconds."""
    return sum(record.billed_ms for record in invocations) / 1000
