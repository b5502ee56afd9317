"""Handlers for runs that Dagster launches, and their ops."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydantic
from common import VERSION, event
from temporalio import activity, workflow
from temporalio.common import RetryPolicy, VersioningBehavior

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.dagster import (
    JobOptions,
    OpOptions,
    Run,
    dagster_run,
    run_dagster_worker,
)


@dataclass
class Source:
    table: str
    key: str = "none"
    limit: int = 2


@activity.defn
async def extract(config: Source) -> list[str]:
    event(f"extract {activity.info().attempt}")
    return [f"{config.table}-{number}" for number in range(config.limit)]


@activity.defn
async def transform(config: dict[str, Any], upstream: dict[str, Any]) -> list[str]:
    event("transform")
    return [row.upper() + config.get("suffix", "") for row in upstream["extract"]]


@activity.defn
def load(config: dict[str, Any], upstream: dict[str, Any]) -> dict[str, Any]:
    event("load")
    return {"rows": upstream["transform"], "to": config.get("table", "nowhere")}


@activity.defn
async def nap(config: dict[str, Any]) -> str:
    """Sleeps in steps that it remembers across attempts."""
    done = next(iter(activity.info().heartbeat_details), 0)
    event(f"nap from {done}")
    for step in range(done, config["steps"]):
        await asyncio.sleep(config.get("seconds", 1.0))
        activity.heartbeat(step + 1)
    return f"slept {config['steps']}"


@activity.defn
async def fail(config: dict[str, Any]) -> None:
    event(f"fail {activity.info().attempt}")
    if activity.info().attempt < config.get("succeeds_at", 1000):
        raise ValueError("no luck")


@activity.defn
async def publish(config: dict[str, Any], upstream: dict[str, Any]) -> dict[str, Any]:
    """Reports to Dagster, by its context and by its output."""
    run = dagster_run()
    activity.logger.warning("publishing %s of %s", run.partition_key, run.job_name)
    run.report_materialization("shop/orders", metadata={"rows": 2})
    run.report_observation("shop/prices", metadata={"seen": True})
    run.report_asset_check("shop/orders", "not_empty", passed=True, metadata={"rows": 2})
    run.add_output_metadata({"rows": 2})
    return {"materializations": [{"asset_key": "shop/summary", "partition": run.partition_key}]}


@activity.defn
async def once_there(config: dict[str, Any], upstream: dict[str, Any]) -> list[str]:
    """Fails until a file is there."""
    event("once_there")
    if not Path(config["path"]).exists():
        raise FileNotFoundError(config["path"])
    return [f"{row}!" for row in upstream["extract"]]


@activity.defn
async def die_at_first() -> str:
    event(f"die_at_first {activity.info().attempt}")
    if activity.info().attempt == 1:
        os._exit(1)
    return "alive"


@activity.defn
async def tell_key(config: Source) -> int:
    """Says how long the key is, not what."""
    assert config.key == os.environ["API_KEY"]
    return len(config.key)


class Limited(pydantic.BaseModel):
    limit: int


@dataclass
class Numbered:
    limit: int


@activity.defn
async def pydantic_async(config: Limited) -> int:
    return config.limit


@activity.defn
def pydantic_sync(config: Limited) -> int:
    return config.limit


@activity.defn
async def dataclass_async(config: Numbered) -> int:
    return config.limit


@activity.defn
def dataclass_sync(config: Numbered) -> int:
    return config.limit


@dataclass
class Out:
    rows: int


@activity.defn
async def typed_output() -> Out:
    return Out(3)


@activity.defn
async def no_json() -> float:
    return float("nan")


@activity.defn
def block(config: dict[str, Any]) -> None:
    time.sleep(config["seconds"])


@activity.defn(name="renamed")
async def another_name() -> str:
    return "no arguments"


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class OwnWorkflow:
    @workflow.run
    async def run(self, run: Run) -> dict[str, Any]:
        return {"own": run.title, "ops": [op.name for op in run.ops]}


async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    config.worker_config["task_queue"] = os.environ.get("QUEUE", "tests")
    config.worker_config["workflows"] = [OwnWorkflow]
    config.worker_config["activities"] = [
        extract,
        transform,
        load,
        nap,
        fail,
        tell_key,
        die_at_first,
        publish,
        once_there,
        pydantic_async,
        pydantic_sync,
        dataclass_async,
        dataclass_sync,
        typed_output,
        no_json,
        block,
        another_name,
    ]
    config.worker_config["activity_executor"] = ThreadPoolExecutor(4)
    config.shutdown_hooks.append(lambda: event("hook"))
    yield
    event("teardown")


ETL = {"transform": ["extract"], "load": ["transform"]}
PATIENT = RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=3)
SHORT = timedelta(milliseconds=700)
HASTE = timedelta(milliseconds=200)
JOBS = {
    "etl": JobOptions(order=ETL),
    "patient": JobOptions(ops={"fail": OpOptions(retry_policy=PATIENT)}),
    "hasty": JobOptions(ops={"nap": OpOptions(schedule_to_close_timeout=HASTE)}),
    "strict": JobOptions(ops={"nap": OpOptions(start_to_close_timeout=SHORT)}),
    "deadly": JobOptions(
        ops={"die_at_first": OpOptions(start_to_close_timeout=timedelta(seconds=1))}
    ),
}
OWN = JobOptions(workflow=OwnWorkflow.run)

durable = run_dagster_worker(VERSION, configure, jobs={**JOBS, "own": OWN}, env=["API_KEY"])
durable_raising = run_dagster_worker(VERSION, configure, on_error="raise")
inline_both = run_dagster_worker(VERSION, configure, durable=False, on_error="raise_unless_awaited")
durable_custom = run_dagster_worker(VERSION, configure, payload_mode="custom", op="extract")
inline = run_dagster_worker(
    VERSION, configure, durable=False, jobs=JOBS, job="etl", op="extract", env=["API_KEY"]
)
inline_raising = run_dagster_worker(VERSION, configure, durable=False, on_error="raise")
custom = run_dagster_worker(VERSION, configure, durable=False, payload_mode="custom", op="extract")
