"""``run_dagster_code``: a handler that executes a code location's own jobs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.dagster.code import history_io
from temporal_lambda.dagster.code.code_location import CodeLocation, code_location
from temporal_lambda.dagster.code.durable_code import DurableCode, EventsOfHistory
from temporal_lambda.dagster.code.inline_code import RunCodeInline
from temporal_lambda.dagster.code.kept_outputs import check_outputs
from temporal_lambda.dagster.code.launched_run import LaunchedRun
from temporal_lambda.dagster.code.run_data import CodeRun
from temporal_lambda.dagster.code.step_activities import execute_step, write_notes
from temporal_lambda.dagster.code.workflow import DagsterCodeRun
from temporal_lambda.dagster.protocol import AWAITED, WORKFLOW_ID
from temporal_lambda.dagster.serving.answer import Answers, OnError
from temporal_lambda.dagster.serving.durable import AskAbout, RunDurably
from temporal_lambda.dagster.serving.refuse import Refuse
from temporal_lambda.dagster.serving.request import RunRequest, parse_event
from temporal_lambda.errors import PayloadError, SettingsError
from temporal_lambda.handler import make_handler
from temporal_lambda.runtime.configure_callback import ConfigureCallback
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, WorkStrategy

THREADS = 100
"""For steps where a tuner decides how many are executed at the same time."""

LONGEST_BETWEEN_BEATS = timedelta(seconds=5)
"""How soon a step learns that it was canceled."""


def run_dagster_code(
    version: WorkerDeploymentVersion,
    configure: ConfigureCallback,
    definitions: str,
    *,
    durable: bool = True,
    on_error: OnError = "respond",
    jobs: Collection[str] | None = None,
    outputs_in_history: bool = False,
    same_definitions: bool = True,
) -> Callable[[Any, Any], Any]:
    """Make a Lambda handler that executes the jobs of a Dagster code location, unchanged.

    The function's package holds the code location and dagster; it needs no instance, no database
    and no network to Dagster. Runs come from ``LambdaRunLauncher``, tagged ``lambda/run_code``.

    Args:
        version: See ``run_worker``.
        configure: See ``run_worker``. It names the task queue; workflows, activities and threads
            for steps are there already.
        definitions: The module with the code location's ``Definitions``, or ``module:attribute``.
            It is loaded at the cold start.
        durable: Keep each run as a workflow, and execute each step as an activity of it: the run
            outlives the invocation, and independent steps are executed at the same time, up to
            ``max_concurrent_activities`` in one invocation.
            Otherwise the whole run is executed within the invocation, step by step, and no Temporal
            server is needed.
        on_error: See ``run_dagster_worker``. Errors that are raised hold no events.
        jobs: The jobs that this function serves; all by default.
        outputs_in_history: Keep outputs of the default IO manager in the workflow's history,
            which is for small ones: 500 KB each, and 50 MB for a run with everything else.
        same_definitions: Refuse runs of jobs that are defined otherwise where Dagster has loaded
            them.

    Returns:
        The handler, as that of ``run_dagster_worker``.

    Raises:
        SettingsError: The definitions can't be found, or an option is wrong, or outputs of a job
            would be lost between two invocations.
        ConfigureError: See ``run_worker``.

    Example:
        A ``handler.py`` beside ``my_project``, whose ``definitions.py`` Dagster has loaded, too::

            def configure(config: LambdaWorkerConfig) -> None:
                config.worker_config["task_queue"] = "my-project"

            lambda_handler = run_dagster_code(
                WorkerDeploymentVersion(deployment_name="my-project", build_id="1"),
                configure,
                definitions="my_project.definitions",
            )
    """
    if on_error not in get_args(OnError):
        allowed = ", ".join(map(repr, get_args(OnError)))
        raise SettingsError(f"on_error must be one of {allowed}; got {on_error!r}")
    if outputs_in_history and not durable:
        raise SettingsError("outputs_in_history is for durable runs: inline ones have no history")
    # Dagster asks the internet for nothing here, and keeps nothing in a home that is read-only.
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    if outputs_in_history:
        history_io.use_for_defaults()
    location = code_location(definitions)
    for name in jobs or ():
        if name not in location.jobs:
            known = ", ".join(sorted(location.jobs)) or "none"
            raise SettingsError(f"jobs has {name!r}, and {definitions} has only {known}")
    served = {name: job for name, job in location.jobs.items() if jobs is None or name in jobs}
    if durable:
        check_outputs(served, outputs_in_history=outputs_in_history)
    service = _Service(version, location, frozenset(served), durable, on_error, same_definitions)
    return make_handler(version, configure, service.strategy, connects=durable)


@dataclass(frozen=True)
class _Service:
    """What all invocations of one handler have in common; most are arguments of the above."""

    version: WorkerDeploymentVersion
    location: CodeLocation
    jobs: frozenset[str]
    durable: bool
    on_error: OnError
    same_definitions: bool

    def strategy(self, event: Any, config: LambdaWorkerConfig) -> WorkStrategy:
        """Register what durable runs need, and choose what to do for an event."""
        if self.durable:
            _register(config)
            if event in ({}, None):
                return ServeTaskQueue(event, config)
        request = RunRequest("run", "full")
        try:
            request = parse_event(event, "full")
            if request.kind != "run":
                return self._ask_about(request, event)
            launched = LaunchedRun.parse(event.get("code"), request.run_id)
        except PayloadError as error:
            return Refuse(self._answers(request), error)
        return self._run(request, launched, _after(event))

    def _ask_about(self, request: RunRequest, event: Any) -> WorkStrategy:
        if not self.durable:
            raise PayloadError(
                f"{request.kind} is for durable runs; this function executes runs within the "
                "invocation"
            )
        return AskAbout(request.kind, self._answers(request), EventsOfHistory(_after(event)))

    def _run(self, request: RunRequest, launched: LaunchedRun, after: int) -> WorkStrategy:
        answers = self._answers(request)
        refusal: PayloadError | None = None
        try:
            run = launched.run
            if run.job_name not in self.jobs:
                raise PayloadError(
                    f"this function serves {', '.join(sorted(self.jobs)) or 'no jobs'}; the run is "
                    f"of {run.job_name!r}"
                )
            job = self.location.job_of(run)
            if self.same_definitions:
                launched.check_definition(self.location.repository.get_job(run.job_name))
            plan = launched.plan(job)
        except PayloadError as error:
            refusal = error
        if self.durable:
            data = CodeRun(
                launched.run.run_id, launched.run.job_name, self.location.name, launched.packed
            )
            awaited = request.context.invocation_type == AWAITED
            durable = DurableCode(run=data, awaited=awaited, after=after, refusal=refusal)
            return RunDurably(durable, self.version, answers)
        return Refuse(answers, refusal) if refusal else RunCodeInline(job, plan, run, answers)

    def _answers(self, request: RunRequest) -> Answers:
        on_error = self.on_error
        if on_error == "raise_unless_awaited":
            awaited = request.context.invocation_type == AWAITED
            on_error = "respond" if awaited else "raise"
        workflow_id = WORKFLOW_ID.format(run_id=request.run_id) if self.durable else None
        return Answers(on_error, request.kind, request.run_id, request.job_name, workflow_id)


def _register(config: LambdaWorkerConfig) -> None:
    worker = config.worker_config
    worker["workflows"] = [*worker.get("workflows", []), DagsterCodeRun]
    worker["activities"] = [*worker.get("activities", []), execute_step, write_notes]
    # A thread for each step, made anew: none is held by what an earlier invocation has left.
    threads = worker.get("max_concurrent_activities") or THREADS
    worker.setdefault("activity_executor", ThreadPoolExecutor(threads, "dagster-step"))
    worker.setdefault("max_heartbeat_throttle_interval", LONGEST_BETWEEN_BEATS)


def _after(event: Any) -> int:
    after = event.get("events_after", 0)
    if not isinstance(after, int) or isinstance(after, bool) or after < 0:
        raise PayloadError(f"events_after must be a number from 0; got {after!r}")
    return after
