"""``run_dagster_worker``: a handler that serves the runs Dagster launches."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.dagster.protocol import AWAITED, WORKFLOW_ID, PayloadMode
from temporal_lambda.dagster.serving.answer import Answers, OnError
from temporal_lambda.dagster.serving.durable import AskAbout, RunDurably
from temporal_lambda.dagster.serving.durable_ops import DurableOps, StepsOfHistory
from temporal_lambda.dagster.serving.inline import RunInline
from temporal_lambda.dagster.serving.op_calls import LOG_LINES, OpCallInterceptor
from temporal_lambda.dagster.serving.ops import Ops
from temporal_lambda.dagster.serving.options import JobOptions, OpOptions
from temporal_lambda.dagster.serving.plan import LONGEST_FUNCTION, WORKFLOW, Run
from temporal_lambda.dagster.serving.planner import Planner
from temporal_lambda.dagster.serving.refuse import Refuse
from temporal_lambda.dagster.serving.request import RunRequest, parse_event
from temporal_lambda.dagster.serving.retry_interceptor import RetryInterceptor
from temporal_lambda.dagster.serving.workflow import DagsterRun
from temporal_lambda.errors import PayloadError, SettingsError
from temporal_lambda.handler import make_handler
from temporal_lambda.runtime.configure_callback import ConfigureCallback
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, WorkStrategy


def run_dagster_worker(
    version: WorkerDeploymentVersion,
    configure: ConfigureCallback,
    *,
    durable: bool = True,
    on_error: OnError = "respond",
    payload_mode: PayloadMode | None = None,
    jobs: Mapping[str, JobOptions] | None = None,
    ops: Mapping[str, OpOptions] | None = None,
    job: str | None = None,
    op: str | None = None,
    env: Collection[str] = (),
    log_lines: int = LOG_LINES,
) -> Callable[[Any, Any], Any]:
    """Make a Lambda handler that serves runs which Dagster launches.

    An op of a job is a Temporal activity of the same name, registered in ``configure``; the bodies
    of Dagster's own ops never run here. An activity takes nothing, the op's config, or its config
    and a dict of the outputs upstream. What it returns is the op's output.

    Args:
        version: See ``run_worker``.
        configure: See ``run_worker``.
        durable: Run each run as a workflow, which outlives the invocation: at the deadline the
            answer is ``running``, and asked again the handler goes on. The handler then serves the
            worker controller's invocations as well. Otherwise ops run within the invocation, and
            no Temporal server is needed.
        on_error: ``respond`` answers a failed run with a ``statusCode`` of 400 or more; ``raise``
            raises, which for ``Event`` invocations is what makes AWS retry and dead-letter.
            ``raise_unless_awaited`` responds to ``full`` payloads that the launcher sent by
            ``RequestResponse``, since only an answer can say what became of each op, and raises
            otherwise.
        payload_mode: The mode of all payloads; by default each is recognized by its shape.
        jobs: How the ops of each job are run, by the job's name.
        ops: How ops are run, by name, in all jobs.
        job: The job of payloads that don't name one, which are all but ``full`` ones.
        op: The op that ``custom`` payloads are for; not needed where there is one activity only.
        env: Environment variables that ``{"env": "NAME"}`` in an op's config may refer to. They are
            looked up in this function, just before the op runs.
        log_lines: How many log lines of each attempt at an op Dagster's event log gets; 0 for none.
            They are in the history of a durable run, too. Values of environment variables that the
            op was given are replaced by ``***``.

    Returns:
        The handler. It returns ``{"statusCode": …, "body": "<json>"}``, and raises what the
        invocation itself failed with, as that of ``run_worker`` does.

    Raises:
        SettingsError: An option is wrong; see also ``run_worker``.
        ConfigureError: See ``run_worker``.

    Example:
        >>> from temporalio import activity
        >>> from temporalio.common import WorkerDeploymentVersion
        >>> from temporal_lambda import LambdaWorkerConfig
        >>> from temporal_lambda.dagster import run_dagster_worker
        >>> @activity.defn
        ... async def extract(config: dict) -> list:
        ...     return [config["source"]]
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     config.worker_config["task_queue"] = "etl"
        ...     config.worker_config["activities"] = [extract]
        >>> lambda_handler = run_dagster_worker(
        ...     WorkerDeploymentVersion(deployment_name="etl", build_id="1"), configure
        ... )
    """
    service = _Service(
        version,
        durable,
        on_error,
        payload_mode,
        jobs or {},
        ops or {},
        job,
        op,
        frozenset(env),
        log_lines,
    )
    return make_handler(version, configure, service.strategy, connects=durable)


@dataclass(frozen=True)
class _Service:
    """What all invocations of one handler have in common; the arguments of the above."""

    version: WorkerDeploymentVersion
    durable: bool
    on_error: OnError
    payload_mode: PayloadMode | None
    jobs: Mapping[str, JobOptions]
    ops: Mapping[str, OpOptions]
    job: str | None
    op: str | None
    env: frozenset[str]
    log_lines: int

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("on_error", self.on_error, get_args(OnError)),
            ("payload_mode", self.payload_mode, (*get_args(PayloadMode), None)),
        ):
            if value not in allowed:
                raise SettingsError(
                    f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}"
                )
        if self.job is not None and self.job not in self.jobs:
            raise SettingsError(
                f"job is {self.job!r}, which is not among jobs: {', '.join(self.jobs) or 'none'}"
            )
        for name, one in self.jobs.items():
            if one.workflow is not None and not self.durable:
                raise SettingsError(
                    f"jobs[{name!r}] has a workflow, which needs durable runs: without them there "
                    "is no Temporal server"
                )

    def strategy(self, event: Any, config: LambdaWorkerConfig) -> WorkStrategy:
        """Register what durable runs need, and choose what to do for an event."""
        ops = Ops(config.worker_config.get("activities") or [])
        if self.durable and event in ({}, None):
            self._register(config, {})
            return ServeTaskQueue(event, config)
        request, run, refusal = RunRequest("run", "custom"), None, None
        try:
            request = parse_event(event, self.payload_mode)
            run = self._plan(request, ops, config.invocation.remaining_time())
        except PayloadError as error:
            refusal = error
        workflow_id = self._workflow_id(request, config) if not refusal else None
        variables = {
            workflow_id or WORKFLOW_ID.format(run_id=request.run_id or "inline"): (
                request.environment_variables
            )
        }
        self._register(config, variables)
        job_name = self._job_name(request)
        answers = Answers(
            self._on_error(request), request.kind, request.run_id, job_name, workflow_id
        )
        if refusal:
            return Refuse(answers, refusal)
        if run is None:
            return AskAbout(request.kind, answers, StepsOfHistory())
        if not self.durable:
            functions = {one.name: ops.find(one.name).function for one in run.ops}
            return RunInline(run, functions, answers)
        workflow = self._options(request).workflow or WORKFLOW
        return RunDurably(DurableOps(run, workflow), self.version, answers)

    def _plan(self, request: RunRequest, ops: Ops, remaining: timedelta | None) -> Run | None:
        """The run that is asked for; ``None`` where the question is about one that exists."""
        if request.kind != "run":
            if not self.durable:
                raise PayloadError(
                    f"{request.kind} is for durable runs; this function runs ops within the "
                    "invocation"
                )
            return None
        attempt_limit = remaining or LONGEST_FUNCTION
        planner = Planner(ops, self._options(request), self.ops, self.env, attempt_limit)
        run = planner.plan(request, self._job_name(request), self.op)
        if run.missing_outputs and not self.durable:
            raise PayloadError(
                f"the selected ops need the outputs of {', '.join(run.missing_outputs)}, which the "
                "payload does not have"
            )
        return run

    def _on_error(self, request: RunRequest) -> OnError:
        if self.on_error != "raise_unless_awaited":
            return self.on_error
        awaited = request.context.invocation_type == AWAITED
        return "respond" if awaited else "raise"

    def _workflow_id(self, request: RunRequest, config: LambdaWorkerConfig) -> str | None:
        if not self.durable:
            return None
        # Lambda delivers a repeated event with the same request id.
        run_key = request.run_id or f"request-{config.invocation.request_id or uuid.uuid4()}"
        return WORKFLOW_ID.format(run_id=run_key)

    def _job_name(self, request: RunRequest) -> str | None:
        return request.job_name if request.job_name is not None else self.job

    def _options(self, request: RunRequest) -> JobOptions:
        return self.jobs.get(self._job_name(request) or "", JobOptions())

    def _register(
        self, config: LambdaWorkerConfig, variables: Mapping[str, Mapping[str, str]]
    ) -> None:
        worker = config.worker_config
        if self.durable:
            worker["workflows"] = [*worker.get("workflows", []), DagsterRun]
        # Around those of the user, which see the activity as if it was called without this package.
        worker["interceptors"] = [
            RetryInterceptor(),
            OpCallInterceptor(self.env, variables, self.log_lines),
            *worker.get("interceptors", []),
        ]
