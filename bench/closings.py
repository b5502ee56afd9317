"""Does a worker that closes lose tasks? Many closings under load, through the real controller.

Workflows of one activity arrive at random gaps of 0.05 to 0.5 s while invocations end all the
time: by their deadline, or by idle exit. A workflow whose task went to a closing worker stands
still until that task times out (10 s), so it shows as a latency above 1 s. Run, for instance:

    python bench/closings.py --worker ours --idle-timeout 0.5 --workflows 400
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import Function, LocalStack
from temporal_lambda.local.stack import Deployed

FUNCTIONS = Path(__file__).parent / "functions"
STALLED_SECONDS = 1.0


def function(options: argparse.Namespace) -> Function:
    """The function to close over and over."""
    environment = {
        "WORKER": options.worker,
        "DEPLOYMENT": options.worker,
        "TEMPORAL_TASK_QUEUE": options.worker,
    }
    if options.idle_timeout:
        environment["TEMPORAL_LAMBDA_IDLE_TIMEOUT"] = f"{options.idle_timeout}s"
    return Function(
        options.worker,
        "handler.lambda_handler",
        FUNCTIONS,
        timeout=timedelta(seconds=options.timeout),
        concurrency=options.concurrency,
        environment=environment,
    )


async def run_one(stack: LocalStack, deployed: Deployed, number: int) -> float:
    """Run one workflow; how long it took, in seconds."""
    begun = time.monotonic()
    await stack.client.execute_workflow(
        "OneActivity",
        args=["quick", 0.02, 10.0],
        id=f"{deployed.task_queue}-{number}",
        task_queue=deployed.task_queue,
    )
    return time.monotonic() - begun


async def run_all(
    stack: LocalStack, deployed: Deployed, options: argparse.Namespace
) -> list[float]:
    """Start workflows at random gaps, or all at once."""
    gaps = random.Random(options.seed)
    running = []
    for number in range(options.workflows):
        running.append(asyncio.create_task(run_one(stack, deployed, number)))
        if not options.burst:
            await asyncio.sleep(gaps.uniform(0.05, 0.5))
    return await asyncio.gather(*running)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the load and sum it up."""
    async with LocalStack() as stack:
        version = WorkerDeploymentVersion(options.worker, "1")
        deployed = await stack.deploy(function(options), version)
        latencies = await run_all(stack, deployed, options)
        while stack.service.busy(deployed.function.name):
            await asyncio.sleep(0.1)
        records = list(stack.service.records)
    reports = [record.report for record in records if record.report]
    return {
        "worker": options.worker,
        "workflows": len(latencies),
        "invocations": len(records),
        "failed_invocations": sum(record.status != "success" for record in records),
        "stalled": sum(latency > STALLED_SECONDS for latency in latencies),
        "latency_ms": {
            "median": round(statistics.median(latencies) * 1000),
            "max": round(max(latencies) * 1000),
        },
        "closings": {
            reason: sum(report["stop_reason"] == reason for report in reports)
            for reason in ("deadline", "idle")
        },
        "billed_s": round(sum(record.billed_ms for record in records) / 1000, 1),
        "busy_s": round(sum(report["busy_ms"] or 0 for report in reports) / 1000, 1),
        "close_ms_mean": round(
            statistics.mean(report["phases_ms"].get("close", 0.0) for report in reports), 1
        )
        if reports
        else None,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", choices=["ours", "contrib"], default="ours")
    parser.add_argument("--workflows", type=int, default=400)
    parser.add_argument("--timeout", type=float, default=10.0, help="of the function, in seconds")
    parser.add_argument("--idle-timeout", type=float, default=0.0, help="seconds; 0 for none")
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--burst", action="store_true", help="start all workflows at once")
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(asyncio.run(measure(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
