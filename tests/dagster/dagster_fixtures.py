"""A Dagster instance on disk, and a Lambda service on this machine beside it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    JobDefinition,
)

from temporal_lambda.dagster.dagster_internals import LaunchRunContext
from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching import config
from temporal_lambda.dagster.launching.wait_pool import process_pool
from temporal_lambda.local import Function, InvocationRecord, LambdaService
from temporal_lambda.local.invoke_api import InvokeApi
from tests.dagster import jobs

FUNCTIONS = Path(__file__).parent.parent / "functions"

HANDLERS = FUNCTIONS / "launched"

JOBS = Path(__file__).parent / "jobs.py"


def eventually(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """What a condition gives once it is true."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(pause)
        # Many conditions ask a database, and those who are waited for need the processor.
        pause = min(2 * pause, 0.1)
    return found


class Lambda:
    """The local Lambda service, in an event loop on a thread of its own."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self.service: LambdaService

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with LambdaService() as self.service, InvokeApi(self.service) as api:
            self.endpoint = api.endpoint
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> Lambda:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def add(self, name: str, handler: str = "", seconds: float = 10, **options: Any) -> None:
        """A function of one of the handlers, by default the one of its name; or ``module.name``."""
        function = Function(
            name,
            handler if "." in handler else f"handlers.{handler or name}",
            FUNCTIONS if "." in handler else HANDLERS,
            timeout=timedelta(seconds=seconds),
            **options,
        )
        self._loop.call_soon_threadsafe(self.service.add, function)
        eventually(lambda: self.service.find(name) == function, f"{name} is there")

    def throttle(self, count: int) -> None:
        """Turn away the next requests."""
        self._loop.call_soon_threadsafe(self.service.throttle_requests, count)

    def records(self, function: str, run_id: str = "") -> list[InvocationRecord]:
        """What was invoked; of one run, if its payloads name it."""
        records = [record for record in list(self.service.records) if record.function == function]
        return [record for record in records if any(run_id in line for line in record.log)]

    def busy(self, function: str) -> int:
        """How many invocations are under way."""
        return self.service.busy(function)


def sync(function: str, **tags: str) -> dict[str, str]:
    """Tags of a run that waits for a function."""
    more = {f"lambda/{name}": value for name, value in tags.items()}
    return {
        "lambda/function_name": function,
        "lambda/invocation_type": "RequestResponse",
        **more,
    }


def sent(record: InvocationRecord) -> Any:
    """The payload, as the function logged it."""
    (line,) = (line for line in record.log if line.startswith("GOT "))
    return json.loads(line.removeprefix("GOT "))


def requests(aws: Lambda, run_id: str, function: str = "protocol") -> list[str]:
    """What the function was asked for, by the time it answered."""
    return [sent(record).get("request", "run") for record in aws.records(function, run_id)]


class Dagster:
    """Creates, launches and watches runs of an instance."""

    def __init__(self, instance: DagsterInstance, endpoint: str) -> None:
        self.instance = instance
        self._endpoint = endpoint
        self._launchers: dict[config.LauncherConfig, LambdaRunLauncher] = {}

    def launcher(self, **values: Any) -> LambdaRunLauncher:
        """A launcher of its own for each configuration."""
        chosen = config.LauncherConfig.of({"aws": aws_values(self._endpoint), **values})
        if chosen not in self._launchers:
            self._launchers[chosen] = LambdaRunLauncher(chosen)
            self._launchers[chosen].register_instance(self.instance)
        return self._launchers[chosen]

    def create(
        self,
        tags: Mapping[str, str],
        run_config: Mapping[str, Any] | None = None,
        job: JobDefinition = jobs.untagged,
        status: DagsterRunStatus = DagsterRunStatus.NOT_STARTED,
        **more: Any,
    ) -> DagsterRun:
        """A run that nobody has launched."""
        return self.instance.create_run_for_job(
            job,
            run_config=run_config or {},
            tags={**job.run_tags, **tags},
            status=status,
            **more,
        )

    def launch(
        self,
        tags: Mapping[str, str],
        run_config: Mapping[str, Any] | None = None,
        job: JobDefinition = jobs.untagged,
        run: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> str:
        """Launch a run as a coordinator does, with a launcher configured so."""
        run_id = self.create(tags, run_config, job, **(run or {})).run_id
        starting = DagsterEvent(DagsterEventType.RUN_STARTING.value, job.name)
        self.instance.report_dagster_event(starting, run_id)
        self.launcher(**values).launch_run(LaunchRunContext(self.run(run_id), None))
        return run_id

    def run(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def finished(self, run_id: str, seconds: float = 60.0) -> DagsterRun:
        """The run, once it has ended."""
        deadline = time.monotonic() + seconds
        while not (run := self.run(run_id)).is_finished:
            assert time.monotonic() < deadline, f"{run.status} {run.tags}\n{self.log(run_id)}"
            time.sleep(0.05)
            # One that this process waits for needs no question until it is done with it.
            process_pool().join([run_id], 1)
        return run

    def succeeded(self, run_id: str) -> DagsterRun:
        run = self.finished(run_id)
        assert run.status is DagsterRunStatus.SUCCESS, self.log(run_id)
        return run

    def failed(self, run_id: str) -> str:
        """What the failure says."""
        run = self.finished(run_id)
        assert run.status is DagsterRunStatus.FAILURE, self.log(run_id)
        return self.messages(run_id, DagsterEventType.RUN_FAILURE)[-1]

    def messages(self, run_id: str, kind: DagsterEventType) -> list[str]:
        logs = self.instance.all_logs(run_id, of_type=kind)
        return [log.dagster_event.message or "" for log in logs if log.dagster_event]

    def log(self, run_id: str) -> str:
        """Everything the event log has of a run, with all metadata."""
        return "\n".join(map(str, self.instance.all_logs(run_id)))

    def waits_for(self, run_id: str) -> bool:
        """Whether this process waits for a run."""
        return process_pool().holds(run_id)

    def result(self, run_id: str) -> Any:
        """What the run's metadata has of the function's result."""
        for log in self.instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
            data = log.dagster_event and log.dagster_event.engine_event_data
            if data and "Result" in data.metadata:
                return data.metadata["Result"].value
        raise AssertionError(self.log(run_id))


def steps_of(dagster: Dagster, run_id: str) -> set[str]:
    """The steps that a run's event log tells of."""
    return {log.step_key for log in dagster.instance.all_logs(run_id) if log.step_key}


def aws_values(endpoint: str) -> dict[str, str]:
    """The ``aws`` part of a configuration that reaches the local service."""
    return {
        "endpoint_url": endpoint,
        "region": "us-east-1",
        "access_key_id": "local",
        "secret_access_key": "local",
    }


@contextmanager
def dagster_on_disk(home: Path, endpoint: str, settings: Mapping[str, Any]) -> Iterator[Dagster]:
    """An instance in a directory.

    Args:
        home: The directory.
        endpoint: Of the Lambda API its runs go to.
        settings: For ``dagster.yaml``, beside the launcher.
    """
    home.mkdir(exist_ok=True)
    launcher = {
        "module": "temporal_lambda.dagster.launcher",
        "class": "LambdaRunLauncher",
        "config": {"aws": aws_values(endpoint), "throttle_timeout_seconds": 5},
    }
    # JSON is YAML.
    whole = {"run_launcher": launcher, "telemetry": {"enabled": False}, **settings}
    (home / "dagster.yaml").write_text(json.dumps(whole))
    with DagsterInstance.from_config(str(home)) as instance:
        yield Dagster(instance, endpoint)
