"""A function that serves a Nexus operation."""

from __future__ import annotations

import nexusrpc
import nexusrpc.handler
from common import VERSION, event, register

from temporal_lambda import LambdaWorkerConfig, run_worker


@nexusrpc.service
class Greeter:
    """What callers know of the service."""

    greet: nexusrpc.Operation[str, str]


@nexusrpc.handler.service_handler(service=Greeter)
class GreeterHandler:
    """What it does."""

    @nexusrpc.handler.sync_operation
    async def greet(self, ctx: nexusrpc.handler.StartOperationContext, name: str) -> str:
        return f"Hello, {name}!"


def configure(config: LambdaWorkerConfig) -> None:
    register(config)
    config.worker_config["nexus_service_handlers"] = [GreeterHandler()]
    config.shutdown_hooks.append(lambda: event("hook"))


lambda_handler = run_worker(VERSION, configure)
