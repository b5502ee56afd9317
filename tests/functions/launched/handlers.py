"""Functions as Dagster's users have them. Each tells the log what it was sent."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


def told(event: Any) -> None:
    print("GOT " + json.dumps(event))


def echo(event: Any, context: Any) -> Any:
    told(event)
    return event


def nap(event: Any, context: Any) -> Any:
    """Sleeps, then returns what it was sent."""
    told(event)
    time.sleep(float(os.environ["NAP"]))
    return event


def fail(event: Any, context: Any) -> Any:
    told(event)
    print("connecting to db://me:hunter2@host with password=hunter2")
    raise ValueError("handler broke")


def fail_with_status(event: Any, context: Any) -> Any:
    told(event)
    return {"statusCode": 500, "body": json.dumps({"error": "no such bucket"})}


def exit(event: Any, context: Any) -> Any:
    told(event)
    os._exit(3)


def materialize(event: Any, context: Any) -> Any:
    told(event)
    op = {"rows": 3, "materializations": [{"asset_key": ["a", "b"], "metadata": {"rows": 3}}]}
    result = {
        "ops_processed": 1,
        "results": {"op_a": op},
        "materializations": [{"asset_key": "c/d", "partition": "2026-01-09"}, {"asset": "?"}],
    }
    body = {"status": "success", "run_id": event["dagster_run"]["run_id"], "result": result}
    return {"statusCode": 200, "body": json.dumps(body)}


def big(event: Any, context: Any) -> Any:
    return "x" * 200_000


def answer(run_id: str, status: int, said: str, **more: Any) -> dict[str, Any]:
    body = {"run_id": run_id, "status": said, **more}
    return {"statusCode": status, "body": json.dumps(body)}


def protocol(event: Any, context: Any) -> Any:
    """A run that is done once a file says so; it answers as a durable one does."""
    told(event)
    run_id = event["dagster_run"]["run_id"]
    request = event.get("request", "run")
    state = Path(os.environ["STATE"])
    begun, done, canceled = (state / f"{run_id}.{name}" for name in ("begun", "done", "canceled"))
    if request == "run":
        begun.touch()
    elif not begun.exists():
        return answer(run_id, 404, "error", error="no such run")
    if request == "cancel":
        canceled.touch()
        return answer(run_id, 200, "canceled")
    patience = float(os.environ.get("PATIENCE", "0.3"))
    until = time.monotonic() + (patience if request == "run" else 0)
    while True:
        if canceled.exists():
            return answer(run_id, 409, "canceled")
        if (state / f"{run_id}.failed").exists():
            return answer(run_id, 500, "error", error="op load failed: no table")
        if done.exists():
            return answer(run_id, 200, "success", result={"ops_processed": 1})
        if time.monotonic() >= until:
            return answer(run_id, 202, "running")
        time.sleep(0.02)


def exit_once(event: Any, context: Any) -> Any:
    """The environment dies under the first invocation of a run; the second is done."""
    told(event)
    run_id = event["dagster_run"]["run_id"]
    marker = Path(os.environ["STATE"]) / f"{run_id}.died"
    if not marker.exists():
        marker.touch()
        os._exit(3)
    return answer(run_id, 200, "success", result={})


def queue(event: Any, context: Any) -> Any:
    """A plain function whose own words look like those of a durable run."""
    told(event)
    return {"statusCode": 202, "body": json.dumps({"status": "running", "job": 7})}


def answer_from_config(event: Any, context: Any) -> Any:
    """Answers what its config says, as JSON text."""
    return json.loads(event["answer"])
