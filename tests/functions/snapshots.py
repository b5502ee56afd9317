"""Functions for SnapStart: what is there at the snapshot, and what differs after a restore."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Any

from common import VERSION, event
from meeting import meet
from opentelemetry import trace
from snapshot_restore_py import register_after_restore, register_before_snapshot

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.handler import make_handler
from temporal_lambda.otel import OtelOptions, apply_defaults
from temporal_lambda.otel.resource import lambda_resource
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, Stop, Work

HOOK = os.environ.get("HOOK", "")

# Restores of one snapshot have the same memory. A process can't be copied here, so two of them
# begin with the same state of the one thing in it that ids are drawn from.
random.seed(7)


def before() -> None:
    files = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    event(f"before snapshot, sockets {sum(name.startswith('socket:') for name in files)}")
    event(f"threads {len(os.listdir('/proc/self/task'))}")
    if HOOK == "fails before":
        raise RuntimeError("no snapshot of this")


def after() -> None:
    event("after restore")
    if HOOK == "fails after":
        raise RuntimeError("no restore of this")
    if HOOK == "leaves after":
        os._exit(3)
    if HOOK == "takes long":
        time.sleep(30)


register_before_snapshot(before)
register_after_restore(after)


class EndAtOnce(ServeTaskQueue):
    polls = False

    async def run(self, work: Work) -> Stop:
        assert work.client
        event(f"identity {work.client.identity}")
        if folder := os.environ.get("FOLDER"):
            await asyncio.to_thread(meet, Path(folder), 2)
        return Stop("result")


def configure(config: LambdaWorkerConfig) -> None:
    apply_defaults(config, OtelOptions(flush="never"))
    config.worker_config["task_queue"] = os.environ["QUEUE"]
    span = trace.get_current_span().get_span_context()
    event(f"trace {span.trace_id:032x}")
    event(f"span {span.span_id:016x}")
    event(f"instance {lambda_resource('any').attributes['service.instance.id']!r}")
    event(f"seed of the snapshot {random.Random(7).random() == random.random()}")


lambda_handler = make_handler(VERSION, configure, EndAtOnce)


def plain(event: Any, context: Any) -> dict[str, Any]:
    return {"pid": os.getpid(), "stream": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")}
