"""A Lambda client that answers what it is told to."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from temporal_lambda.dagster.dagster_internals import LaunchRunContext
from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching.config import LauncherConfig
from tests.dagster.dagster_fixtures import Dagster, sync

Does = Exception | dict[str, Any] | Callable[[str], dict[str, Any]]


class Scripted:
    """A Lambda client that does what it is told to, one after the other; the last for ever."""

    def __init__(self, *does: Does) -> None:
        self.does = list(does)
        self.requests: list[str] = []
        self.functions: list[str] = []
        self._lock = threading.Lock()

    def invoke(self, **asked: Any) -> Any:
        payload = json.loads(asked["Payload"])
        with self._lock:
            self.requests.append(payload.get("request", "run"))
            self.functions.append(asked["FunctionName"])
            what = self.does.pop(0) if len(self.does) > 1 else self.does[0]
        if isinstance(what, Exception):
            raise what
        return what if isinstance(what, dict) else what(payload["dagster_run"]["run_id"])


def answer(value: Any, **more: Any) -> dict[str, Any]:
    return {
        "StatusCode": 200,
        "ResponseMetadata": {"RequestId": "id"},
        "Payload": io.BytesIO(json.dumps(value).encode()),
        **more,
    }


def error(**value: str) -> dict[str, Any]:
    return answer(value, FunctionError="Unhandled")


def says(code: int, status: str, **more: Any) -> Callable[[str], dict[str, Any]]:
    """An answer as a durable handler gives it."""

    def given(run_id: str) -> dict[str, Any]:
        known = {"run_id": run_id, "workflow_id": f"dagster-{run_id}"}
        body = json.dumps({**known, "status": status, **more})
        return answer({"statusCode": code, "body": body})

    return given


RUNNING = says(202, "running")
DONE = says(200, "success", result={})


def refused(status: int, code: str, message: str = "") -> ClientError:
    error = {"Error": {"Code": code, "Message": message}}
    return ClientError({**error, "ResponseMetadata": {"HTTPStatusCode": status}}, "Invoke")


def launcher(dagster: Dagster, client: Any, **values: Any) -> LambdaRunLauncher:
    made = LambdaRunLauncher(LauncherConfig.of(values), client_factory=lambda *_: client)
    made.register_instance(dagster.instance)
    return made


def launch(dagster: Dagster, client: Any, values: dict[str, Any], **tags: str) -> str:
    run = dagster.create(sync("f", **tags))
    launcher(dagster, client, **values).launch_run(LaunchRunContext(run, None))
    return run.run_id
