"""A request -> a run that can be carried out here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from temporal_lambda.dagster.serving.env_references import check_references, references
from temporal_lambda.dagster.serving.graph import Graph, in_order, one_after_the_other
from temporal_lambda.dagster.serving.ops import Ops, validate
from temporal_lambda.dagster.serving.options import JobOptions, OpOptions
from temporal_lambda.dagster.serving.plan import OpPlan, Retries, Run
from temporal_lambda.dagster.serving.request import OpRequest, RunRequest
from temporal_lambda.errors import PayloadError


class Planner:
    """Plans the runs of one job.

    Args:
        ops: The ops there are.
        job: How the job's ops are run.
        options: How ops are run in all jobs, by op.
        allowed: Environment variables that configs may refer to.
        attempt_limit: How long an attempt may take where no one set it.
    """

    def __init__(
        self,
        ops: Ops,
        job: JobOptions,
        options: Mapping[str, OpOptions],
        allowed: Collection[str],
        attempt_limit: timedelta,
    ) -> None:
        self._ops = ops
        self._job = job
        self._options = options
        self._allowed = allowed
        self._attempt_limit = attempt_limit

    def plan(self, request: RunRequest, job_name: str | None, only_op: str | None) -> Run:
        """Plan a run.

        Args:
            request: What is asked for.
            job_name: The job, as far as known.
            only_op: The op that a ``custom`` payload is for, if it was said.

        Raises:
            PayloadError: An op is unknown, has a wrong config, or waits for one that isn't there;
                or ops wait for each other.
        """
        asked = request.ops
        if request.mode == "custom":
            asked = {only_op or self._only_op(): asked[""]}
            graph = one_after_the_other(list(asked))
        else:
            graph = self._graph(request, asked)
        plans = [
            self._plan_op(name, asked.get(name, OpRequest()), upstream)
            for name, upstream in graph.items()
        ]
        if not plans:
            raise PayloadError(
                "the run has no ops: its config names none, and nothing else says which there are "
                "(a job_graph in the payload, or jobs={…: JobOptions(order=…)} here)"
            )
        return Run(request.run_id, job_name, plans)

    def _graph(self, request: RunRequest, asked: Mapping[str, OpRequest]) -> Graph:
        if request.job_graph is not None:
            for name in asked:
                if name not in request.job_graph:
                    raise PayloadError(f"op {name!r} has a config, but is not in the job_graph")
            return in_order(request.job_graph, [])
        if self._job.order is not None:
            return in_order(self._job.order, asked)
        return one_after_the_other(list(asked))

    def _plan_op(self, name: str, asked: OpRequest, upstream: tuple[str, ...]) -> OpPlan:
        op = self._ops.find(name)
        check_references(asked.config, self._allowed, name)
        for variable in references(asked.inputs):
            raise PayloadError(
                f"an input of op {name!r} refers to the environment variable {variable!r}; only "
                "configs may do that"
            )
        if not any(references(asked.config)):
            # With references in it, the config shows what it is where the op runs.
            validate(op.model, asked.config, name)
        general = self._options.get(name, OpOptions())
        options = self._job.ops.get(name, OpOptions()).over(general)
        return OpPlan(
            name,
            op.name,
            asked.config,
            asked.inputs,
            list(upstream),
            op.arguments,
            Retries.of(options.retry_policy),
            (options.start_to_close_timeout or self._attempt_limit).total_seconds(),
            _seconds(options.schedule_to_close_timeout),
            _seconds(options.heartbeat_timeout),
        )

    def _only_op(self) -> str:
        names = self._ops.names
        if len(names) != 1:
            raise PayloadError(
                "a custom payload names no op: say which one it is for with op=… of "
                f"run_dagster_worker; there are {', '.join(map(repr, names)) or 'none'}"
            )
        return names[0]


def _seconds(time: timedelta | None) -> float | None:
    return time.total_seconds() if time else None
