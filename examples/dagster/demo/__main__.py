"""One command for all of it; ``make demo-dagster`` runs it.

    python -m examples.dagster.demo [--once]

Starts Temporal, a local Lambda with the example's functions, and Dagster's webserver and daemon.
Launches a job whose own ops are executed in Lambda, then one that takes longer than its function
may, and prints what came of them. Then it stays until Ctrl-C, so that one can look around; with
``--once`` it ends.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import sys

from examples.dagster.demo.scenario import example, run_code_job, run_durable_job
from examples.dagster.demo.ui import DagsterError
from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.local import LocalStack

say = functools.partial(print, flush=True)


async def demo(once: bool) -> None:
    """Run it.

    Args:
        once: End after the two jobs.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    say("starting Temporal, the local Lambda and Dagster")
    async with LocalStack(ui_port=0) as stack, example(stack) as dagster:
        say(f"Dagster     {dagster.ui.url}")
        say(f"Temporal    {stack.ui_url}")
        await run_code_job(dagster, say)
        await run_durable_job(stack, dagster, say)
        if not once:
            say("Ctrl-C ends it")
            await loop.create_future()


def main() -> int:
    """Run the demo; the exit code."""
    try:
        asyncio.run(demo(once="--once" in sys.argv[1:]))
    except asyncio.CancelledError:
        say("stopped")
    except (DagsterError, TemporalLambdaError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
