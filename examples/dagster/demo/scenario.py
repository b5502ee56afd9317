"""What the demo, the screenshot and the tests share: the example set up, and its durable run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.functions import DURABLE, OTHERS
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


@asynccontextmanager
async def example(stack: LocalStack) -> AsyncIterator[DagsterHere]:
    """The example's functions in a started stack, and Dagster beside it."""
    for function in OTHERS:
        stack.create(function)
    # Dagster starts while the worker controller looks at the function.
    deploying = asyncio.create_task(stack.deploy(DURABLE))
    try:
        async with DagsterHere(stack) as dagster:
            await deploying
            yield dagster
    finally:
        deploying.cancel()
        await asyncio.wait({deploying})


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
