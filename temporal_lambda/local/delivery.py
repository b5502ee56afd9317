"""Delivers one call to an execution environment: init if it is cold, then the handler."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from temporal_lambda.local.calls import Answer, Call
from temporal_lambda.local.environment import ExecutionEnvironment
from temporal_lambda.local.invocation_log import InvocationLog
from temporal_lambda.local.records import InvocationRecord

ERROR_LIMIT = 10_000
"""Characters of an error that a record keeps; an answer may hold megabytes of it."""


async def deliver(
    environment: ExecutionEnvironment, call: Call, record: InvocationRecord, log: InvocationLog
) -> Answer:
    """Run one invocation to its end.

    Args:
        environment: The environment reserved for this invocation.
        call: The invocation; its deadline is set here.
        record: Filled in with the outcome.
        log: Receives the lines it prints.

    Returns:
        The response for the caller.

    Raises:
        OSError: The process can't be started because the system lacks a resource.
    """
    function = environment.function
    environment.on_line = call.on_line = log.write
    log.write(f"START RequestId: {call.request_id} Version: {function.version}")
    failure, spent = await _init(environment, call, record)
    record.pid = environment.pid
    record.started_at = datetime.now(timezone.utc)
    begun = time.monotonic()
    if failure:
        timed_out = failure.error_type == "Sandbox.Timedout"
        record.status, answer = ("timeout" if timed_out else "init_error"), failure
    else:
        timeout = function.timeout.total_seconds()
        call.deadline_ms = int((time.time() + timeout - spent) * 1000)
        record.status, answer = await environment.invoke(call)
    record.pid = call.process_id or record.pid
    record.duration_ms = (time.monotonic() - begun + spent) * 1000
    record.max_memory_mb = environment.peak_memory_mb
    if answer.error_type:
        record.error = answer.describe()[:ERROR_LIMIT]
        if record.status in ("timeout", "crash"):
            log.write_last(record.error)
    return answer


async def _init(
    environment: ExecutionEnvironment, call: Call, record: InvocationRecord
) -> tuple[Answer | None, float]:
    """Start the process of a cold environment; the error if that failed, and the time spent."""
    if environment.alive:
        return None, 0.0
    function = environment.function
    record.cold = True
    begun = time.monotonic()
    failure = await environment.start(function.init_timeout.total_seconds(), call.request_id)
    if function.snapstart:
        # On AWS the init belongs to the publishing of the version, and is not repeated.
        record.restore_ms = environment.restore_ms
        return failure, 0.0
    record.init_ms = (time.monotonic() - begun) * 1000
    if failure is None or environment.retired:
        return failure, 0.0
    # Lambda tries init once more, now within the function's own timeout.
    begun = time.monotonic()
    failure = await environment.start(function.timeout.total_seconds(), call.request_id)
    return failure, time.monotonic() - begun
