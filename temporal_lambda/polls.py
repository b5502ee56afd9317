"""Ends the polls of one worker through the server, so that nothing is on its way when it closes.

A poll can't be taken back by the worker alone: what the server has handed to it meanwhile would
arrive at a worker that no longer takes it. The server can end it, with an empty answer or with the
task it has just been given; and it answers later polls of that worker at once. A server that does
so says it in its namespace's capabilities, ``worker_poll_complete_on_shutdown``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    ListWorkersRequest,
    ShutdownWorkerRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

RETRY_SECONDS = 0.05

POLLED = (
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    TaskQueueType.TASK_QUEUE_TYPE_NEXUS,
)


async def end_polls(client: Client, identity: str, task_queue: str, limit: float) -> bool:
    """Ask the server to end all polls of a worker, and to leave none of its later ones open.

    Args:
        client: The worker's client.
        identity: The worker's identity, by which the server knows it; no other worker has it.
        task_queue: Its task queue.
        limit: Seconds it may take.

    Returns:
        Whether the server does it. Not if it is a server that can't, if it does not answer in time,
        or if several workers of that identity make it unclear which one is meant.
    """
    timeout = timedelta(seconds=limit)
    loop = asyncio.get_running_loop()
    gives_up = loop.time() + limit
    try:
        found, able = await asyncio.gather(
            _instance_keys(client, identity, task_queue, timeout), _is_able(client, timeout)
        )
        while able and not found and loop.time() < gives_up:
            # Its first heartbeat is still on its way.
            await asyncio.sleep(RETRY_SECONDS)
            found = await _instance_keys(client, identity, task_queue, timeout)
        if not able or len(found) != 1:
            return False
        await client.workflow_service.shutdown_worker(
            ShutdownWorkerRequest(
                namespace=client.namespace,
                identity=identity,
                worker_instance_key=found[0],
                task_queue=task_queue,
                task_queue_types=POLLED,
                reason="the Lambda invocation ends",
            ),
            timeout=timeout,
        )
    except RPCError:
        return False
    return True


async def _instance_keys(
    client: Client, identity: str, task_queue: str, timeout: timedelta
) -> list[str]:
    if '"' in identity or "\\" in identity:
        return []
    request = ListWorkersRequest(
        namespace=client.namespace, query=f'WorkerIdentity="{identity}"', page_size=10
    )
    response = await client.workflow_service.list_workers(request, timeout=timeout)
    heartbeats = [worker.worker_heartbeat for worker in response.workers_info]
    return [
        heartbeat.worker_instance_key
        for heartbeat in heartbeats
        if heartbeat.worker_identity == identity and heartbeat.task_queue == task_queue
    ]


async def _is_able(client: Client, timeout: timedelta) -> bool:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    response = await client.workflow_service.describe_namespace(request, timeout=timeout)
    return response.namespace_info.capabilities.worker_poll_complete_on_shutdown
