"""The cold start: import, init, and the first worker of an environment."""

from __future__ import annotations

import asyncio
import dataclasses

from bench import imports, log_values, workers
from bench.results import Measured, Row
from bench.workers import WORKERS, Worker
from temporal_lambda.local import Function, LocalStack

ABOUT = (
    "Imports are timed in fresh interpreters, on top of `import temporalio.worker`, with bytecode "
    "there. Cold invocations each have a new execution environment: init is the start of AWS's "
    "runtime client with the import of the handler; to it comes the time from the handler's entry "
    "until the worker begins to run, in plain text on loopback. In the last row the environment is "
    "restored from a snapshot of its init (SnapStart): counted are the hooks after the restore and "
    "the time until the worker runs, not the time in which AWS loads a snapshot."
)


async def measure(quick: bool) -> Measured:
    """Interleaved, a new environment each time."""
    rounds, environments = (3, 2) if quick else (15, 10)
    added = await asyncio.to_thread(imports.measure, rounds)
    init: dict[str, list[float]] = {worker: [] for worker in WORKERS}
    total: dict[str, list[float]] = {worker: [] for worker in WORKERS}
    restored: dict[str, list[float]] = {worker: [] for worker in WORKERS}
    async with LocalStack() as stack:
        functions = [
            stack.create(_function(worker, snapstart=snapstart))
            for worker in WORKERS
            for snapstart in (False, True)
        ]
        for _ in range(environments):
            # Each is first as often as it is second: the one before it is still being cleared away.
            functions.reverse()
            for function in functions:
                stack.service.recycle(function.name)
                record, _ = await stack.service.invoke(function, b"{}")
                started = log_values.line(record, "started")
                assert started
                worker = function.environment["WORKER"]
                if function.snapstart:
                    assert record.restore_ms is not None
                    restored[worker].append(record.restore_ms + started["ms"])
                else:
                    assert record.init_ms is not None
                    init[worker].append(record.init_ms)
                    total[worker].append(record.init_ms + started["ms"])
    return Measured(
        "Cold start",
        ABOUT,
        [
            Row("import, added to temporalio.worker", "ms", added["ours"], added["contrib"]),
            Row("cold init", "ms", init["ours"], init["contrib"]),
            Row("cold init until the worker runs", "ms", total["ours"], total["contrib"]),
            Row("restored until the worker runs", "ms", restored["ours"], restored["contrib"]),
        ],
    )


def _function(worker: Worker, *, snapstart: bool) -> Function:
    function = workers.function(
        worker,
        timeout=3,
        idle=0.1,
        shutdown=(0.2, 0.5),
        suffix="-restored" if snapstart else "",
    )
    return dataclasses.replace(function, snapstart=snapstart)
