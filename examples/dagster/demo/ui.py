"""What Dagster's UI asks of its webserver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from examples.dagster.demo.queries import (
    AGAIN,
    LAUNCH,
    PRESET,
    RUN,
    SELECTED_AGAIN,
    STEPS,
    WORKSPACE,
)

LOCATION = "examples"
"""The code location in ``workspace.yaml``."""

FINAL = {"SUCCESS", "FAILURE", "CANCELED"}


class DagsterError(Exception):
    """Dagster did not start, or refused a request."""


@dataclass(frozen=True)
class Event:
    """An entry of a run's event log.

    Attributes:
        kind: ``RUN_START``, ``ENGINE_EVENT`` and the like.
        message: Its text.
        metadata: Its labelled values.
        error: The message of the error it tells of, if it does.
    """

    kind: str
    message: str
    metadata: dict[str, Any]
    error: str = ""


@dataclass(frozen=True)
class StepStats:
    """What the Gantt chart shows of a step.

    Attributes:
        status: ``IN_PROGRESS``, ``SUCCESS``, ``FAILURE`` and the like.
        start: When it began, in epoch seconds.
        end: When it ended, in epoch seconds; ``None`` while it runs.
        attempts: How often it was begun.
    """

    status: str
    start: float | None
    end: float | None
    attempts: int


@dataclass(frozen=True)
class FinishedRun:
    """What Dagster knows of a run that is over.

    Attributes:
        run_id: Its id.
        status: ``SUCCESS``, ``FAILURE`` or ``CANCELED``.
        job_name: Its job.
        run_config: Its config, as YAML.
        tags: All its tags.
        events: Its event log.
    """

    run_id: str
    status: str
    job_name: str
    run_config: str
    tags: dict[str, str]
    events: list[Event]

    @property
    def error(self) -> str:
        """Why it failed; empty if it did not."""
        return next((event.error for event in self.events if event.error), "")


class Ui:
    """A client of the webserver.

    Args:
        url: Address of the webserver.
        http: Its HTTP session.
    """

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self._http = http

    async def ready(self) -> bool:
        """Whether the webserver answers and knows the jobs.

        Raises:
            DagsterError: The jobs can't be loaded.
        """
        try:
            entries = await self._locations()
        except aiohttp.ClientConnectionError:
            return False
        for entry in entries:
            if entry["loadStatus"] != "LOADED":
                return False
            if error := entry["locationOrLoadError"].get("message"):
                raise DagsterError(f"the jobs can't be loaded: {error}")
        return bool(entries)

    async def _locations(self) -> list[dict[str, Any]]:
        workspace = (await self._ask(WORKSPACE))["workspaceOrError"]
        if "message" in workspace:
            raise DagsterError(f"the jobs can't be loaded: {workspace['message']}")
        entries: list[dict[str, Any]] = workspace["locationEntries"]
        return entries

    async def jobs(self) -> list[str]:
        """The names of all jobs there are."""
        return sorted(
            job["name"]
            for entry in await self._locations()
            for repository in entry["locationOrLoadError"]["repositories"]
            for job in repository["pipelines"]
            if not job["name"].startswith("__")
        )

    async def launch(
        self,
        job: str,
        run_config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Launch a run, as the launchpad does.

        Args:
            job: The job's name.
            run_config: Its config; the job's default one if ``None``.
            tags: Tags of this run, over those of its job.

        Returns:
            The run's id.

        Raises:
            DagsterError: Dagster refuses it.
        """
        selector = self._selector(job)
        config: Any = run_config
        if config is None:
            found = (await self._ask(PRESET, selector=selector))["pipelineOrError"]
            presets = found.get("presets", [])
            config = presets[0]["runConfigYaml"] if presets else {}
        parameters = {
            "selector": selector,
            "runConfigData": config,
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]
            },
        }
        answer = (await self._ask(LAUNCH, params=parameters))["launchRun"]
        if "run" not in answer:
            raise DagsterError(f"Dagster does not launch {job}: {answer}")
        run_id: str = answer["run"]["runId"]
        return run_id

    async def steps(self, run_id: str) -> dict[str, StepStats]:
        """The steps of a run that have begun, by key.

        Args:
            run_id: The run's id.
        """
        run = (await self._ask(STEPS, id=run_id))["runOrError"]
        return {
            step["stepKey"]: StepStats(
                step["status"], step["startTime"], step["endTime"], len(step["attempts"])
            )
            for step in run["stepStats"]
        }

    async def execute_again(self, run: FinishedRun, steps: list[str] | None = None) -> str:
        """Execute a run again.

        Args:
            run: The run.
            steps: The steps to execute; from failure on if ``None``.

        Returns:
            The id of the new run.

        Raises:
            DagsterError: Dagster refuses it.
        """
        if steps is None:
            parameters: dict[str, Any] = {"parentRunId": run.run_id, "strategy": "FROM_FAILURE"}
            answer = await self._ask(AGAIN, params=parameters)
        else:
            selector = {**self._selector(run.job_name), "solidSelection": None}
            parameters = {
                "selector": selector,
                "runConfigData": run.run_config,
                "stepKeys": steps,
                "executionMetadata": {"parentRunId": run.run_id, "rootRunId": run.run_id},
            }
            answer = await self._ask(SELECTED_AGAIN, params=parameters)
        launched = answer["launchRunReexecution"]
        if "run" not in launched:
            raise DagsterError(f"Dagster does not execute {run.run_id} again: {launched}")
        run_id: str = launched["run"]["runId"]
        return run_id

    def _selector(self, job: str) -> dict[str, Any]:
        return {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "pipelineName": job,
        }

    async def finished(self, run_id: str, timeout: float = 60.0) -> FinishedRun:
        """Wait until a run is over.

        Args:
            run_id: Its id.
            timeout: Seconds.

        Raises:
            DagsterError: It is not, by then.
        """
        gives_up = time.monotonic() + timeout
        while True:
            run = (await self._ask(RUN, id=run_id))["runOrError"]
            if run["status"] in FINAL:
                tags = {tag["key"]: tag["value"] for tag in run["tags"]}
                events = [_event(event) for event in run["eventConnection"]["events"]]
                job, config = run["jobName"], run["runConfigYaml"]
                return FinishedRun(run_id, run["status"], job, config, tags, events)
            if time.monotonic() > gives_up:
                raise DagsterError(f"run {run_id} is {run['status']} after {timeout:.0f} s")
            await asyncio.sleep(0.1)

    async def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        async with self._http.post(f"{self.url}/graphql", json=body) as response:
            answer = await response.json()
        if "errors" in answer:
            raise DagsterError(f"Dagster refuses the request: {answer['errors']}")
        data: dict[str, Any] = answer["data"]
        return data


def _event(event: Mapping[str, Any]) -> Event:
    metadata = {
        entry["label"]: entry.get("text", entry.get("intValue", entry.get("jsonString")))
        for entry in event.get("metadataEntries", [])
    }
    error = (event.get("error") or {}).get("message", "")
    return Event(event.get("eventType", ""), event.get("message", ""), metadata, error)
