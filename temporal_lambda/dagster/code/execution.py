"""Steps of a run, executed here and now by Dagster itself, and the events they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster import DagsterEvent, DagsterInstance, DagsterRun, EventLogEntry, JobDefinition

from temporal_lambda.dagster.code.instances import Instances
from temporal_lambda.dagster.code.log_link import cloudwatch_url
from temporal_lambda.dagster.dagster_internals import (
    ExecutionPlan,
    InMemoryJob,
    ResolvedRunConfig,
    RetryMode,
    execute_plan_iterator,
    serialize_value,
)

_instances = Instances()


class CutOffError(Exception):
    """An execution was stopped from outside; what it left is no event of the run."""


class Execution:
    """One execution of some steps of a run.

    Args:
        job: The job, as far as it was selected.
        plan: The steps.
        run: The run.
        retry_mode: Whether a step that asks to be retried is, here.
        stopped: Whether the execution is to end; asked after each event, so that what an
            interrupted body seems to have raised triggers no hook.
    """

    def __init__(
        self,
        job: JobDefinition,
        plan: ExecutionPlan,
        run: DagsterRun,
        retry_mode: RetryMode,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._job = job
        self._plan = plan
        self._run = run
        self._retry_mode = retry_mode
        self._stopped = stopped
        self._instance: DagsterInstance | None = None

    @contextmanager
    def begun(self) -> Iterator[Iterator[DagsterEvent]]:
        """A context in which the steps are executed, as far as one goes through its events.

        Raises:
            CutOffError: It was stopped.
        """
        with _instances.lend(self._run) as self._instance:
            yield self._events(self._instance)

    def entries(self) -> list[EventLogEntry]:
        """The event log so far, also from another thread. Only within ``begun``."""
        assert self._instance is not None
        url = cloudwatch_url()
        logs = self._instance.all_logs(self._run.run_id)
        return [_with_link(entry, url) for entry in logs] if url else list(logs)

    def _events(self, instance: DagsterInstance) -> Iterator[DagsterEvent]:
        events = execute_plan_iterator(
            self._plan,
            InMemoryJob(self._job),
            self._run,
            instance,
            retry_mode=self._retry_mode,
            run_config=self._run.run_config,
        )
        for event in events:
            if self._stopped():
                raise CutOffError(f"before {event.event_type_value}")
            yield event


def executor_config(job: JobDefinition, run: DagsterRun) -> Mapping[str, Any]:
    """What a run says of its executor, whichever that would be elsewhere.

    Args:
        job: The job.
        run: The run, whose config has been checked.

    Returns:
        Such as ``{"retries": {"enabled": {}}, "max_concurrent": 4}``.
    """
    resolved = ResolvedRunConfig.build(job, run.run_config)
    config = dict(resolved.execution.execution_engine_config)
    # The default executor is a choice of two, each with a config of its own.
    for choice in ("multiprocess", "in_process"):
        if isinstance(config.get(choice), Mapping):
            return dict(config[choice])
    return config


def retry_mode(config: Mapping[str, Any]) -> RetryMode:
    """Whether steps are retried that ask for it.

    Args:
        config: See ``executor_config``.
    """
    retries = config.get("retries")
    disabled = isinstance(retries, Mapping) and "disabled" in retries
    return RetryMode.DISABLED if disabled else RetryMode.ENABLED


def serialized(entries: list[EventLogEntry]) -> list[str]:
    """Entries of an event log as Dagster's own storages hold them."""
    return [serialize_value(entry) for entry in entries]


def _with_link(entry: EventLogEntry, url: str) -> EventLogEntry:
    event = entry.dagster_event
    if event is None or event.event_type_value != "LOGS_CAPTURED":
        return entry
    data = event.logs_captured_data._replace(external_url=url)
    return entry._replace(dagster_event=event._replace(event_specific_data=data))
