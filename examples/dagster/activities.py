"""The ops' work: activities, each named as its op in ``lambda_jobs.py``.

An op's config comes as the first argument, the outputs of the ops it comes after as the second. The
same functions serve both handlers; only ``durable_handler.py`` makes their calls last.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

ROWS = {"orders": 3}
"""How many rows each table has; stands for a database."""


@dataclass
class Message:
    message: str


@activity.defn
async def async_op(config: Message) -> None:
    activity.logger.info("message: %s", config.message)


@dataclass
class Input:
    input_data: list[float]
    processing_mode: str = "sum"


@activity.defn
async def sync_op(config: Input) -> float:
    if config.processing_mode == "mean":
        return statistics.fmean(config.input_data)
    return sum(config.input_data)


@activity.defn
async def notify_op(config: dict[str, Any]) -> None:
    activity.logger.info("to %s: %s", config["channel"], config["text"])


@activity.defn
async def api_trigger_op(config: dict[str, Any]) -> None:
    activity.logger.info("%s to %s", config["event"], config["endpoint"])


@activity.defn
async def check_data_op(config: dict[str, Any]) -> int:
    found = ROWS.get(config["table"], 0)
    if found < config["at_least"]:
        # Asking again would count the same rows.
        raise ApplicationError(
            f"{config['table']} has {found} rows; {config['at_least']} are needed",
            type="TooFewRows",
            non_retryable=True,
        )
    return found


@activity.defn
async def extract(config: dict[str, Any]) -> list[int]:
    return list(range(1, config.get("rows", ROWS[config["source"]]) + 1))


@activity.defn
async def transform(config: dict[str, Any], upstream: dict[str, Any]) -> list[int]:
    """Row by row. Cut off by the end of an invocation, it goes on where it was in the next one."""
    rows: list[int] = upstream["extract"]
    details = activity.info().heartbeat_details
    done: list[int] = list(details[0]) if details else []
    for row in rows[len(done) :]:
        await asyncio.sleep(config.get("seconds_per_row", 0.0))
        done.append(row * config.get("factor", 10))
        activity.heartbeat(done)
    return done


@activity.defn
async def load(config: dict[str, Any], upstream: dict[str, Any]) -> dict[str, Any]:
    rows = upstream["transform"]
    activity.logger.info("loaded %d rows, %d in all", len(rows), sum(rows))
    return {"rows": len(rows), "total": sum(rows)}


ACTIVITIES: list[Callable[..., Any]] = [
    async_op,
    sync_op,
    notify_op,
    api_trigger_op,
    check_data_op,
    extract,
    transform,
    load,
]
