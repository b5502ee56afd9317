"""Ops whose outputs, arguments and errors can't be sent as they are; each says when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from common import VERSION, event
from temporalio import activity
from temporalio.exceptions import ApplicationError

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import run_dagster_worker

MEGABYTE = 1_000_000


@activity.defn
async def returns_decimal() -> dict[str, Any]:
    event("returns_decimal")
    return {"sum": Decimal("1.5")}


@activity.defn
async def returns_bytes() -> bytes:
    event("returns_bytes")
    return b"raw"


@activity.defn
async def returns_deep_nesting() -> list[Any]:
    event("returns_deep_nesting")
    value: list[Any] = []
    for _ in range(3000):
        value = [value]
    return value


@activity.defn
async def returns_3_megabytes() -> str:
    event("returns_3_megabytes")
    return "b" * 3 * MEGABYTE


@activity.defn
async def takes_lists(config: dict[str, Any], upstream: dict[str, list[str]]) -> None:
    event("takes_lists")


@activity.defn
async def exits() -> None:
    event("exits")
    sys.exit(3)


@activity.defn
def exits_in_a_thread() -> None:
    event("exits_in_a_thread")
    sys.exit("no disk")


@activity.defn
async def fails_at_length() -> None:
    event("fails_at_length")
    raise ValueError("e" * 5 * MEGABYTE)


@activity.defn
async def fails_with_a_surrogate() -> None:
    event("fails_with_a_surrogate")
    raise ValueError("caf\udce9")


@activity.defn
async def fails_with_odd_details() -> None:
    event("fails_with_odd_details")
    raise ApplicationError("odd", {1, 2}, type="Odd")


class TextlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@activity.defn
async def fails_without_text() -> None:
    event("fails_without_text")
    raise TextlessError


@activity.defn
async def one() -> int:
    return 1


@activity.defn
async def megabyte(config: dict[str, Any]) -> str:
    return str(config.get("letter", "a")) * MEGABYTE


@activity.defn
async def length_of_all(config: dict[str, Any], upstream: dict[str, str]) -> int:
    return sum(map(len, upstream.values()))


ACTIVITIES: list[Callable[..., Any]] = [
    returns_decimal,
    returns_bytes,
    returns_deep_nesting,
    returns_3_megabytes,
    takes_lists,
    exits,
    exits_in_a_thread,
    fails_at_length,
    fails_with_a_surrogate,
    fails_with_odd_details,
    fails_without_text,
    one,
    megabyte,
    length_of_all,
]


def configure(config: LambdaWorkerConfig) -> None:
    config.worker_config["task_queue"] = os.environ.get("QUEUE", "tests")
    config.worker_config["activities"] = ACTIVITIES
    config.worker_config["activity_executor"] = ThreadPoolExecutor(4)


durable = run_dagster_worker(VERSION, configure)
inline = run_dagster_worker(VERSION, configure, durable=False)
