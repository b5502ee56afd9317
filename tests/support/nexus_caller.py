"""A worker that is no Lambda function, and calls the Nexus operations of one that is."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from temporal_lambda.local import LocalStack

WITHIN = timedelta(seconds=8)
"""Longer than a cold start, shorter than the server's timeout for what nobody is asked."""


@workflow.defn
class Calls:
    """Calls the operation of ``tests/functions/nexus_service.py``."""

    @workflow.run
    async def run(self, endpoint: str) -> str:
        client = workflow.create_nexus_client(service="Greeter", endpoint=endpoint)
        answer: str = await client.execute_operation(
            "greet", "World", output_type=str, schedule_to_close_timeout=WITHIN
        )
        return answer


@dataclass(frozen=True)
class Caller:
    """Starts workflows that call an operation.

    Attributes:
        stack: Its server.
        endpoint: Leads to the task queue of the function.
        task_queue: The caller's own.
    """

    stack: LocalStack
    endpoint: str
    task_queue: str

    async def start(self) -> WorkflowHandle[Any, str]:
        """Start a workflow that calls the operation once; its result is the answer."""
        return await self.stack.client.start_workflow(
            Calls.run,
            self.endpoint,
            id=f"calls-{uuid.uuid4().hex[:8]}",
            task_queue=self.task_queue,
        )


@asynccontextmanager
async def caller(stack: LocalStack, task_queue: str) -> AsyncIterator[Caller]:
    """A running worker, and an endpoint that leads to a function's task queue."""
    endpoint = f"endpoint-{uuid.uuid4().hex[:6]}"
    target = EndpointTarget.Worker(namespace=stack.client.namespace, task_queue=task_queue)
    spec = EndpointSpec(name=endpoint, target=EndpointTarget(worker=target))
    await stack.client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    made = Caller(stack, endpoint, f"calls-{endpoint}")
    runner = UnsandboxedWorkflowRunner()
    async with Worker(
        stack.client, task_queue=made.task_queue, workflows=[Calls], workflow_runner=runner
    ):
        yield made
