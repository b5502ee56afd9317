"""What the demo, the screenshot and the tests share: the example set up, and its durable run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import boto3
from moto.server import ThreadedMotoServer

from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.functions import (
    BUCKET,
    DURABLE,
    OTHERS,
    code_function,
    shop_variables,
)
from examples.dagster.demo.ui import DagsterError, FinishedRun
from temporal_lambda.local import LocalStack

ROWS = 6
SECONDS_PER_ROW = 1.0
LONG = {
    "ops": {
        "extract": {"config": {"source": "orders", "rows": ROWS}},
        "transform": {"config": {"factor": 2, "seconds_per_row": SECONDS_PER_ROW}},
    }
}
"""6 seconds of work, for a function that has 5 in all."""

STEPS = {
    "ops": {
        "read_rows": {"config": {"rows": 12}},
        "enrich": {"config": {"seconds_per_row": 1.0}},
    }
}
"""12 steps of a second, for a function that has 10 in all and executes 4 at the same time."""


@asynccontextmanager
async def example(stack: LocalStack) -> AsyncIterator[DagsterHere]:
    """The example's functions in a started stack, and Dagster beside it."""
    with s3_here() as s3_endpoint:
        code = code_function(s3_endpoint)
        for function in OTHERS:
            stack.create(function)
        # Dagster starts while the worker controller looks at the functions.
        deploying = asyncio.gather(stack.deploy(DURABLE), stack.deploy(code))
        try:
            async with DagsterHere(stack, shop_variables(s3_endpoint)) as dagster:
                await deploying
                yield dagster
        finally:
            deploying.cancel()
            await asyncio.wait({deploying})


@contextmanager
def s3_here() -> Iterator[str]:
    """An S3 on this machine, with the example's bucket; the address."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
        s3.create_bucket(Bucket=BUCKET)
        yield endpoint
    finally:
        server.stop()


async def run_code_job(dagster: DagsterHere, say: Callable[[str], None]) -> FinishedRun:
    """Launch a job whose own ops are executed in Lambda, and say what came of it.

    Raises:
        DagsterError: The run did not succeed.
    """
    run_id = await dagster.ui.launch("shop_etl_job", STEPS)
    say(f"run         {dagster.ui.url}/runs/{run_id}")
    run = await dagster.ui.finished(run_id)
    if run.status != "SUCCESS":
        raise DagsterError(f"the run ended with {run.status}: {run.error}\n{dagster.output()}")
    steps = await dagster.ui.steps(run_id)
    took = [(one.end or 0.0) - (one.start or 0.0) for one in steps.values()]
    say(f"steps       {len(steps)} of the job's own, {sum(took):.0f} s of work")
    return run


async def run_durable_job(
    stack: LocalStack, dagster: DagsterHere, say: Callable[[str], None]
) -> FinishedRun:
    """Launch the durable job so that one invocation can't hold it, and say what came of it.

    Raises:
        DagsterError: The run did not succeed.
    """
    before = stack.service.invocations
    run_id = await dagster.ui.launch("durable_etl_job", LONG)
    say(f"run         {dagster.ui.url}/runs/{run_id}")
    run = await dagster.ui.finished(run_id)
    if run.status != "SUCCESS":
        raise DagsterError(f"the run ended with {run.status}: {run.error}\n{dagster.output()}")
    result = await stack.client.get_workflow_handle(f"dagster-{run_id}").result()
    say(f"result      {json.dumps(result)}")
    limit = DURABLE.timeout.total_seconds()
    say(f"work        {ROWS * SECONDS_PER_ROW:.0f} s, {limit:.0f} s for each invocation")
    for record in stack.service.records:
        if record.function == DURABLE.name and record.number > before:
            say(f"invocation  {record.invocation_type}, {record.billed_ms} ms, {record.status}")
    return run
