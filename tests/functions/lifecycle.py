"""One invocation in every kind of trouble; ``SCENARIO`` says which."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import temporalio.client
import temporalio.worker
from common import VERSION, event, register
from temporalio.client import ClientConfig
from temporalio.converter import DataConverter, DefaultFailureConverter
from temporalio.plugin import SimplePlugin
from temporalio.service import ConnectConfig, ServiceClient
from temporalio.worker import Worker, WorkerTuner

from temporal_lambda import LambdaWorkerConfig, run_worker

SCENARIO = os.environ.get("SCENARIO", "success")
ticks = 0
calls = 0


class Observer(temporalio.client.Plugin, temporalio.worker.Plugin):
    """Tells when the client connects and the worker runs; breaks the worker on demand."""

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        return config

    async def connect_service_client(self, config: ConnectConfig, next: Any) -> ServiceClient:
        event("connect")
        client: ServiceClient = await next(config)
        return client

    def configure_worker(self, config: Any) -> Any:
        return config

    async def run_worker(self, worker: Worker, next: Any) -> None:
        event("work")
        if SCENARIO == "worker_raises":
            raise RuntimeError("the worker broke")
        try:
            await next(worker)
        finally:
            event("drained")

    def configure_replayer(self, config: Any) -> Any:
        return config

    def run_replayer(self, replayer: Any, histories: Any, next: Any) -> Any:
        return next(replayer, histories)


class BringsTuner(SimplePlugin):
    """A user's worker plugin that brings a tuner of its own."""

    def __init__(self) -> None:
        super().__init__("brings-tuner")

    def configure_worker(self, config: Any) -> Any:
        config["tuner"] = WorkerTuner.create_fixed()
        for name in [name for name in config if name.startswith("max_concurrent_")]:
            config[name] = None
        return config


class BlockingFailureConverter(DefaultFailureConverter):
    """Calls some slow service without awaiting it."""

    def to_failure(self, exception: Any, payload_converter: Any, failure: Any) -> None:
        time.sleep(60)
        super().to_failure(exception, payload_converter, failure)


if SCENARIO.endswith("exits_on_sigterm"):
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))

METADATA = {"token": "1"}


async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    event("setup")
    register(config)
    config.client_connect_config["plugins"] = [Observer()]
    config.shutdown_hooks.append(lambda: event("hook"))
    if seconds := os.environ.get("GRACEFUL"):
        config.worker_config["graceful_shutdown_timeout"] = timedelta(seconds=float(seconds))
    if SCENARIO == "raises_before":
        raise RuntimeError("setup broke")
    await adjust(config)
    try:
        event("acquired")
        if SCENARIO == "raises_after":
            raise RuntimeError("setup broke")
        yield
    finally:
        event("released")
    event("teardown")
    if SCENARIO == "teardown_raises":
        raise RuntimeError("teardown broke")


async def adjust(config: LambdaWorkerConfig) -> None:
    """What the scenario changes of an ordinary invocation."""
    global calls
    calls += 1
    if SCENARIO == "raises_second" and calls == 2:
        raise RuntimeError("setup broke")
    if SCENARIO == "connect_refused":
        config.client_connect_config["target_host"] = "127.0.0.1:1"
    if SCENARIO == "no_task_queue":
        del config.worker_config["task_queue"]
    if SCENARIO == "hooks":
        config.shutdown_hooks[:] = [
            sync,
            coroutine,
            future,
            task,
            raises,
            exits,
            hangs,
            blocks,
            last,
        ]
    if SCENARIO == "sharing":
        show_and_spoil(config)
    if SCENARIO == "ticking" and not ticks:
        threading.Thread(target=tick, daemon=True).start()
    if SCENARIO.startswith("setup_waits"):
        event("waiting")
    if SCENARIO == "setup_hangs" or SCENARIO.startswith("setup_waits"):
        await asyncio.Event().wait()
    if SCENARIO == "blocking_hooks":
        config.shutdown_hooks[:] = [blocks_a_while, blocks, last]
    if SCENARIO == "cancelled":
        raise asyncio.CancelledError
    if SCENARIO == "partial_hook":
        config.shutdown_hooks[:] = [functools.partial(fails_with, "top-secret")]
    if SCENARIO in ("plugin_tuner", "tuner_and_hanging_hook"):
        config.worker_config["plugins"] = [BringsTuner()]
    if SCENARIO == "tuner_and_hanging_hook":
        config.shutdown_hooks[:] = [hangs]
    if SCENARIO == "waiting_hooks":
        config.shutdown_hooks[:] = [first, last]
    if SCENARIO == "blocking_converter":
        config.client_connect_config["data_converter"] = DataConverter(
            failure_converter_class=BlockingFailureConverter
        )
    if SCENARIO == "metadata":
        METADATA["token"] += "!"
        config.client_connect_config["rpc_metadata"] = METADATA
    if SCENARIO == "setup_blocks":
        time.sleep(60)  # noqa: ASYNC251 - the mistake this is about
    if SCENARIO == "ticking":
        event(f"ticks {ticks}")
        config.shutdown_hooks.append(lambda: event(f"ticks {ticks}"))


def tick() -> None:
    global ticks
    while True:
        ticks += 1
        time.sleep(0.001)


def show_and_spoil(config: LambdaWorkerConfig) -> None:
    deployment = config.worker_config["deployment_config"]
    assert deployment is not None
    metadata: Any = config.client_connect_config.get("rpc_metadata")
    shown = ", ".join(f"{name}: {value}" for name, value in metadata.items())
    event(f"metadata {shown} version {deployment.version.build_id}")
    event(f"hooks {len(config.shutdown_hooks)} activities {config.worker_config['activities'][:0]}")
    metadata["spoiled"] = "yes"
    deployment.use_worker_versioning = False
    config.worker_config["max_cached_workflows"] = 1
    config.worker_config["disable_eager_activity_execution"] = False


def sync() -> None:
    event("sync")


async def coroutine() -> None:
    await asyncio.sleep(0)
    event("coroutine")


def future() -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    loop.call_soon(event, "future")
    loop.call_soon(done.set_result, None)
    return done


def task() -> asyncio.Task[None]:
    async def work() -> None:
        event("task")

    return asyncio.get_running_loop().create_task(work())


def raises() -> None:
    event("raises")
    raise RuntimeError("hook broke")


async def exits() -> None:
    event("exits")
    raise SystemExit(3)


async def hangs() -> None:
    event("hangs")
    await asyncio.Event().wait()


def blocks() -> None:
    event("blocks")
    time.sleep(60)


def blocks_a_while() -> None:
    event("blocks a while")
    time.sleep(2.3)


def fails_with(secret: str) -> None:
    raise RuntimeError("hook broke")


async def first() -> None:
    event("first begins")
    await asyncio.sleep(2)
    event("first ends")


def last() -> None:
    event("last")


lambda_handler = run_worker(VERSION, configure)
