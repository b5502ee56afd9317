"""An activity that can't be stopped, and a deadline of 12 s."""

from __future__ import annotations

import asyncio

from bench import load, log_values, workers
from bench.results import Measured, Row
from bench.workers import WORKERS
from temporal_lambda.local import LocalStack
from temporal_lambda.local.stack import Deployed

TIMEOUT = 12.0
STUCK_SECONDS = 30.0
PROMISED_MS = 200

ABOUT = (
    "A synchronous activity sleeps for 30 s in its thread, in a function with a timeout of 12 s "
    "and both modules' own shutdown settings (5 s graceful, 7 s in all). Counted is the time left "
    "when the handler is back, 0 if the invocation had to be killed, and whether the shutdown "
    "hook ran."
)


async def measure(quick: bool) -> Measured:
    """Both workers at once, several times."""
    repeats = 1 if quick else 3
    async with LocalStack() as stack:
        both = await workers.deploy_all(
            stack,
            *(workers.function(worker, timeout=TIMEOUT, concurrency=1) for worker in WORKERS),
        )
        found = await asyncio.gather(*(_repeat(stack, one, repeats) for one in both))
    (left, hooks), (contrib_left, contrib_hooks) = found
    rows = [
        Row(
            "time left at the deadline, with a stuck activity",
            "ms",
            left,
            contrib_left,
            better="higher",
            goal=f"at least {PROMISED_MS} ms",
            met=min(left) >= PROMISED_MS,
        ),
        Row(
            "shutdown hooks run, of one",
            "",
            hooks,
            contrib_hooks,
            better="higher",
            goal="1",
            met=min(hooks) == 1,
        ),
    ]
    return Measured("Stuck activity", ABOUT, rows)


async def _repeat(
    stack: LocalStack, deployed: Deployed, repeats: int
) -> tuple[list[float], list[float]]:
    """Milliseconds left, and hooks run, per invocation."""
    name = deployed.function.name
    left, hooks = [], []
    for _ in range(repeats):
        # What got stuck before must not be there any more.
        stack.service.recycle(name)
        before = stack.service.invocations
        handle = await load.start(
            stack, deployed.task_queue, STUCK_SECONDS, activity="sleep_in_thread", timeout=60
        )
        record = await workers.next_record(stack, name, after=before, timeout=3 * TIMEOUT)
        await handle.terminate()
        await workers.until_idle(stack, name)
        back = log_values.line(record, "back")
        left.append(float(back["left_ms"]) if back else 0.0)
        hooks.append(float(log_values.line(record, "hook") is not None))
    return left, hooks
