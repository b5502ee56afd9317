"""A function that Dagster launches runs in, and what it is asked."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from temporal_lambda.local import Function, InvocationRecord, LocalStack

SECRET = "sk-very-secret"


def payload(ops: dict[str, Any], job: str = "job", run_id: str = "", **more: Any) -> dict[str, Any]:
    run = {"run_id": run_id or str(uuid.uuid4()), "job_name": job}
    configs = {name: {"config": config} for name, config in ops.items()}
    return {"dagster_run": run, "run_config": {"ops": configs}, **more}


ETL: dict[str, Any] = {"load": {"table": "t"}, "transform": {}, "extract": {"table": "users"}}
ETL_RESULTS = {
    "extract": ["users-0", "users-1"],
    "transform": ["USERS-0", "USERS-1"],
    "load": {"rows": ["USERS-0", "USERS-1"], "to": "t"},
}


ALL_OF_A = {"extract": ["a-0"], "transform": ["A-0"], "load": {"rows": ["A-0"], "to": "nowhere"}}
DEADLY = {"extract": [], "die_at_first": ["extract"]}


class DagsterClient:
    """A function that Dagster launches runs in."""

    def __init__(self, stack: LocalStack, function: Function) -> None:
        self.stack = stack
        self.function = function

    async def invoke(self, event: Any) -> tuple[InvocationRecord, Any]:
        """What became of the invocation, and what it returned."""
        function = self.stack.service.find(self.function.name) or self.stack.create(self.function)
        record, response = await self.stack.service.invoke(function, json.dumps(event).encode())
        return record, json.loads(response.payload)

    async def ask(self, event: Any) -> tuple[int, dict[str, Any]]:
        """The status code and the body of the answer."""
        record, answer = await self.invoke(event)
        assert record.status == "success", record
        return answer["statusCode"], json.loads(answer["body"])


async def pending_activity(handle: Any) -> None:
    """Wait until an activity of the workflow has begun."""

    async def ask() -> None:
        while True:
            try:
                description = await handle.describe()
            except Exception:  # It is not there yet.
                continue
            pending = description.raw_description.pending_activities
            if pending and pending[0].last_started_time.seconds:
                return
            await asyncio.sleep(0.02)

    await asyncio.wait_for(ask(), 15)


MakeDagsterClient: TypeAlias = Callable[..., DagsterClient]
"""Makes a client of one of the handlers in functions/dagster_ops.py."""
